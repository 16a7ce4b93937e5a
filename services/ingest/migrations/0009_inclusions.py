"""Rows that are paid elsewhere in their pay period are taken in by one family of batches at most.

An approver may include such rows by name. Without this table two batches could each include the
same loan, and it would be paid three times. A payment needs a claim or an inclusion of its family.
"""

from alembic import op

revision = "ingest_0009"
down_revision = "ingest_0008"

# Person and loan are canonical keys, and days are dates, as in `claimed_days`. What was included
# before is added when the keys of its rows are filled (`registry.py`).
INCLUSION = """
CREATE TABLE inclusion (
    person_key text NOT NULL CHECK (person_key <> ''),
    loan_key text NOT NULL CHECK (loan_key <> ''),
    days daterange NOT NULL CHECK (NOT isempty(days)),
    family_id uuid NOT NULL,
    batch_id uuid NOT NULL REFERENCES batch,
    PRIMARY KEY (loan_key, person_key, days),
    CONSTRAINT days_are_included_once
        EXCLUDE USING gist (claim_slot(person_key, loan_key) WITH &&, days WITH &&)
)"""

CLAIMED = """
CREATE FUNCTION payment_claimed() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM fresh p
        JOIN batch b ON b.batch_id = p.batch_id
        LEFT JOIN claim c ON (c.period, c.employee_id, c.loan_index, c.family_id)
            = (p.period, p.employee_id, p.loan_index, b.family_id)
        LEFT JOIN inclusion n ON (n.loan_key, n.person_key, n.family_id)
                = (p.loan_key, p.person_key, b.family_id)
            AND n.days @> daterange(b.period, coalesce(b.period_end, b.period + 13), '[]')
        WHERE c.batch_id IS NULL AND n.batch_id IS NULL
    ) THEN
        RAISE EXCEPTION 'a payment needs a claim or an inclusion of its family'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payment_claimed';
    END IF;
    RETURN NULL;
END $$"""
CLAIMED_TRIGGER = """
CREATE TRIGGER payment_claimed AFTER INSERT ON payment REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION payment_claimed()"""

HELD = """
CREATE FUNCTION inclusion_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM payment p
        JOIN payment_row r USING (payment_id)
        JOIN batch b ON b.batch_id = p.batch_id
        WHERE (p.loan_key, p.person_key, b.family_id)
                = (OLD.loan_key, OLD.person_key, OLD.family_id)
            AND daterange(b.period, coalesce(b.period_end, b.period + 13), '[]') && OLD.days
            AND NOT r.released
    ) THEN
        RAISE EXCEPTION 'an inclusion is held by a payment that stands'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'inclusion_guard';
    END IF;
    RETURN OLD;
END $$"""
HELD_TRIGGER = """
CREATE TRIGGER inclusion_guard BEFORE DELETE ON inclusion
FOR EACH ROW EXECUTE FUNCTION inclusion_guard()"""
KEEP = """
CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON inclusion FOR EACH ROW
WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION refuse_rewriting()"""


def upgrade() -> None:
    # Functions keep the search path they are created with. A temporary table of the same name must
    # not come before the real one.
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    statements = (INCLUSION, CLAIMED, CLAIMED_TRIGGER, HELD, HELD_TRIGGER, KEEP)
    for statement in statements:
        op.execute(statement)
