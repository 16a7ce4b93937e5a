"""When an approved batch may begin to be paid: part of its approval. Null: at once."""

from alembic import op

revision = "ingest_0017"
down_revision = "ingest_0016"

APPROVAL = "ALTER TABLE approval ADD COLUMN start_at timestamptz"
FIRST = "ALTER TABLE first_approval ADD COLUMN start_at timestamptz"
# An approval is never changed (`approve_guard`); a first one is compared column by column.
FIRST_NEVER_MOVED = """
CREATE TRIGGER refuse_moving_start BEFORE UPDATE ON first_approval FOR EACH ROW
WHEN (OLD.start_at IS DISTINCT FROM NEW.start_at) EXECUTE FUNCTION refuse_rewriting()"""
# The second of two approvers approves the start that the first one approved.
SAME_START_GUARD = """
CREATE FUNCTION same_start_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM first_approval f
        WHERE f.batch_id = NEW.batch_id AND f.digest = NEW.digest AND first_approval_counts(f)
            AND f.start_at IS DISTINCT FROM NEW.start_at
            AND EXISTS (SELECT rules_hit(NEW.batch_id, NEW.rules_version))
    ) THEN
        RAISE EXCEPTION 'the first approval is of another start'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'same_start_guard';
    END IF;
    RETURN NEW;
END $$"""
SAME_START = """
CREATE TRIGGER same_start_guard BEFORE INSERT ON approval
FOR EACH ROW EXECUTE FUNCTION same_start_guard()"""


def upgrade() -> None:
    # Functions keep the search path they are created with (see 0007).
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (APPROVAL, FIRST, FIRST_NEVER_MOVED, SAME_START_GUARD, SAME_START):
        op.execute(statement)
