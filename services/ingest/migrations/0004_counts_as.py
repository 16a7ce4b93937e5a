"""An approver counts as the people for whom they made API tokens."""

from alembic import op

revision = "ingest_0004"
down_revision = "ingest_0003"

COUNTS_AS = "ALTER TABLE approval ADD COLUMN counts_as text[] NOT NULL DEFAULT '{}'"
# The text of a function is stored as written, so its long lines continue after a backslash.
APPROVE = """
CREATE OR REPLACE FUNCTION approve_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'an approval is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT NEW.one_person AND EXISTS (SELECT FROM barred(NEW.batch_id) AS person \
WHERE person = NEW.approved_by OR person = ANY (NEW.counts_as)) THEN
        RAISE EXCEPTION 'the approver had a hand in this batch' \
USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (SELECT FROM batch WHERE batch_id = NEW.batch_id \
AND status = 'approved' AND digest = NEW.digest) THEN
        RAISE EXCEPTION 'the approval is not of the batch as it is' \
USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$"""


def upgrade() -> None:
    for statement in (COUNTS_AS, APPROVE):
        op.execute(statement)
