"""People and loans by their canonical keys, claims of days, and which pay period was chosen.

The keys need plaintext and Unicode rules that SQL does not have. So this revision only makes room
for them; the service fills them for what is here already (`registry.py`). An older version of the
service works on as before: it leaves the new columns empty, and they are filled later.
"""

from alembic import op

revision = "ingest_0008"
down_revision = "ingest_0007"

# The last day of the period; none: 14 days. `other_period`: the first day of the period that may
# have been meant instead.
BATCH = """
ALTER TABLE batch
    ADD COLUMN period_end date,
    ADD COLUMN other_period date"""
ROW = """
ALTER TABLE batch_row
    ADD COLUMN person_key text NOT NULL DEFAULT '',
    ADD COLUMN loan_key text NOT NULL DEFAULT ''"""
ROW_WITHOUT_KEYS = """
CREATE INDEX batch_row_without_keys ON batch_row (batch_id)
WHERE person_key = '' AND employee_id <> ''"""
PAYMENT = """
ALTER TABLE payment
    ADD COLUMN person_key text NOT NULL DEFAULT '',
    ADD COLUMN loan_key text NOT NULL DEFAULT ''"""
PAYMENT_LOAN = "CREATE INDEX payment_loan ON payment (loan_key)"

# One line for each spelling of an employee id, with the row last approved under it.
PERSON = """
ALTER TABLE person
    ADD COLUMN person_key text NOT NULL DEFAULT '',
    ADD COLUMN first_batch_id uuid,
    ADD COLUMN last_batch_id uuid"""
PERSON_KEY = "CREATE INDEX person_key ON person (person_key)"

# One line for each spelling of a loan number, with the row last approved under it.
LOAN = """
CREATE TABLE loan (
    loan_key text NOT NULL CHECK (loan_key <> ''),
    loan_index text NOT NULL,
    institution_id text NOT NULL,
    row_id uuid NOT NULL,
    first_batch_id uuid NOT NULL,
    last_batch_id uuid NOT NULL,
    PRIMARY KEY (loan_key, loan_index)
)"""

# Ranges of text need an extension (btree_gist) that not every server has. A range of a hash that
# holds one value overlaps exactly its equals.
SLOT = """
CREATE FUNCTION claim_slot(person_key text, loan_key text) RETURNS int8range
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT int8range(h, h, '[]') \
FROM (SELECT hashtextextended(person_key || ' ' || loan_key, 0) >> 1 AS h) AS hashed
$$"""
CLAIMED_DAYS = """
CREATE TABLE claimed_days (
    person_key text NOT NULL CHECK (person_key <> ''),
    loan_key text NOT NULL CHECK (loan_key <> ''),
    days daterange NOT NULL CHECK (NOT isempty(days)),
    family_id uuid NOT NULL,
    batch_id uuid NOT NULL REFERENCES batch,
    PRIMARY KEY (loan_key, person_key, days),
    CONSTRAINT days_are_claimed_once
        EXCLUDE USING gist (claim_slot(person_key, loan_key) WITH &&, days WITH &&)
)"""
CLAIMED_DAYS_GUARD = """
CREATE FUNCTION claimed_days_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM payment p
        JOIN payment_row r USING (payment_id)
        JOIN batch b USING (batch_id)
        WHERE p.loan_key = OLD.loan_key AND p.person_key = OLD.person_key
            AND daterange(b.period, coalesce(b.period_end, b.period + 13), '[]') && OLD.days
            AND NOT r.released
    ) THEN
        RAISE EXCEPTION 'claimed days are held by a payment that stands'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'claimed_days_guard';
    END IF;
    RETURN OLD;
END $$"""

# Every calendar that was configured, the newest one last.
PAY_CALENDAR = """
CREATE TABLE pay_calendar (
    calendar_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (
        kind IN ('weekly', 'every-two-weeks', 'twice-a-month', 'monthly')),
    anchor date NOT NULL,
    since timestamptz NOT NULL
)"""
PERIOD_CHOICE = """
CREATE TABLE period_choice (
    choice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batch,
    from_period date NOT NULL,
    to_period date NOT NULL,
    chosen_by text NOT NULL CHECK (chosen_by <> ''),
    chosen_at timestamptz NOT NULL
)"""
# Who chose the period of a batch had a hand in it.
BARRED = """
CREATE OR REPLACE FUNCTION barred(of_batch uuid) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT batch_id, parent_batch_id, uploaded_by FROM batch WHERE batch_id = of_batch
        UNION ALL
        SELECT b.batch_id, b.parent_batch_id, b.uploaded_by FROM batch b \
JOIN line ON b.batch_id = line.parent_batch_id)
    SELECT uploaded_by FROM line UNION SELECT corrected_by FROM correction \
JOIN line USING (batch_id) UNION SELECT chosen_by FROM period_choice JOIN line USING (batch_id)
$$"""

#: (table, columns that never change once they are filled)
KEYS = ("batch_row", "payment", "person")
STATEMENTS = (
    """
    CREATE TRIGGER claimed_days_guard BEFORE DELETE ON claimed_days FOR EACH ROW
    EXECUTE FUNCTION claimed_days_guard()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON claimed_days FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON period_choice FOR EACH ROW
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON pay_calendar FOR EACH ROW
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER approved_period_end_guard BEFORE UPDATE ON batch FOR EACH ROW
    WHEN (OLD.period_end IS DISTINCT FROM NEW.period_end)
    EXECUTE FUNCTION approved_row_guard()""",
)


def upgrade() -> None:
    # Functions keep the search path they are created with (see 0007).
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (
        *(BATCH, ROW, ROW_WITHOUT_KEYS, PAYMENT, PAYMENT_LOAN, PERSON, PERSON_KEY, LOAN),
        *(SLOT, CLAIMED_DAYS, CLAIMED_DAYS_GUARD, PAY_CALENDAR, PERIOD_CHOICE, BARRED, *STATEMENTS),
    ):
        op.execute(statement)
    for table in KEYS:
        keys = ("person_key",) if table == "person" else ("person_key", "loan_key")
        changed = " OR ".join(
            f"(OLD.{key} <> '' AND OLD.{key} IS DISTINCT FROM NEW.{key})" for key in keys
        )
        op.execute(
            f"CREATE TRIGGER keys_stay BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({changed}) EXECUTE FUNCTION refuse_rewriting()"
        )
