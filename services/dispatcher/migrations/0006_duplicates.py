"""A payment that is alive twice at the provider waits for two people."""

from alembic import op

revision = "dispatcher_0006"
down_revision = "dispatcher_0005"

# One row per finding: another live payment at the provider is another finding.
DUPLICATE = """
CREATE TABLE duplicate (
    payment_id uuid NOT NULL,
    n int NOT NULL,
    batch_id uuid NOT NULL,
    account_index text NOT NULL,
    provider_ids text[] NOT NULL,                     -- all that were alive
    alive int NOT NULL,                               -- how many of them were when last read
    found_at timestamptz NOT NULL DEFAULT now(),
    act text CHECK (act IN ('ended', 'recovered', 'accepted')),
    reason text NOT NULL DEFAULT '',
    proposed_by text,
    decided_by text,
    decided_at timestamptz,
    PRIMARY KEY (payment_id, n),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (decided_by IS NULL
           OR (act IS NOT NULL AND proposed_by IS NOT NULL AND proposed_by <> decided_by))
)"""
OPEN = "CREATE UNIQUE INDEX duplicate_open ON duplicate (payment_id) WHERE decided_at IS NULL"
# The text of a function is stored as written, so its long lines continue after a backslash.
DECIDE = """
CREATE FUNCTION duplicate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decided_at IS NOT NULL THEN
        RAISE EXCEPTION 'a decision about a duplicate stays' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    IF NEW.decided_by = ANY (SELECT unnest(b.barred) FROM batch b WHERE b.batch_id = \
NEW.batch_id) THEN
        RAISE EXCEPTION 'who confirms had a hand in this batch' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
DECIDE_TRIGGER = """
CREATE TRIGGER duplicate_guard BEFORE UPDATE ON duplicate
FOR EACH ROW EXECUTE FUNCTION duplicate_guard()"""


def upgrade() -> None:
    for statement in (DUPLICATE, OPEN, DECIDE, DECIDE_TRIGGER):
        op.execute(statement)
