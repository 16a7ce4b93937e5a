"""A database restored from a backup is quarantined until two people release it."""

from alembic import op

revision = "ingest_0003"
down_revision = "ingest_0002"

# One open row while the database is quarantined. It is kept after the release.
RESTORED = """
CREATE TABLE restored (
    restored_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL,
    first_outbox_id bigint NOT NULL,              -- recovered messages have higher ids
    progress text NOT NULL DEFAULT '',
    settled_at timestamptz,                       -- recovery is complete: may be released
    proposed_by text,
    released_by text CHECK (released_by <> ''),
    reason text NOT NULL DEFAULT '',
    released_at timestamptz,
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (released_by IS NULL OR (
        settled_at IS NOT NULL AND proposed_by IS NOT NULL AND proposed_by <> released_by))
)"""
RESTORED_HELD = "CREATE UNIQUE INDEX restored_held ON restored ((true)) WHERE released_at IS NULL"


def upgrade() -> None:
    for statement in (RESTORED, RESTORED_HELD):
        op.execute(statement)
