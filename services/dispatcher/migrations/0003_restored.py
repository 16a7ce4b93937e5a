"""A restored database waits for two people and recognises what it created at the provider."""

from alembic import op

revision = "dispatcher_0003"
down_revision = "dispatcher_0002"

# One row per restore from a backup. While a row is not released, nothing may be decided.
RESTORED = """
CREATE TABLE restored (
    restored_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL,
    first_outbox_id bigint NOT NULL,              -- recovered messages lie above it in the outbox
    progress text NOT NULL DEFAULT '',
    settled_at timestamptz,                       -- recovery is complete: it may be released
    proposed_by text,
    released_by text CHECK (released_by <> ''),
    reason text NOT NULL DEFAULT '',
    released_at timestamptz,
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (released_by IS NULL
           OR (settled_at IS NOT NULL AND proposed_by IS NOT NULL AND proposed_by <> released_by))
)"""
RESTORED_HELD = """
CREATE UNIQUE INDEX restored_held ON restored ((true)) WHERE released_at IS NULL"""

# With random ids, an object created after the backup could not be recognised and would be created
# twice. So the id follows from the natural key.
NAMED = """
CREATE FUNCTION object_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.object_id := CAST(md5(NEW.natural_key) AS uuid);
    RETURN NEW;
END $$"""
NAMED_TRIGGER = """
CREATE TRIGGER object_named BEFORE INSERT ON object
FOR EACH ROW EXECUTE FUNCTION object_named()"""


def upgrade() -> None:
    for statement in (RESTORED, RESTORED_HELD, NAMED, NAMED_TRIGGER):
        op.execute(statement)
