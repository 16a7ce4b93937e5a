"""What an approval rests on does not change, whoever writes to the database.

The service never changes these columns; a stolen password of its role shall not be able to. The
WHEN clauses keep the triggers off everyday updates.
"""

from alembic import op

revision = "ingest_0007"
down_revision = "ingest_0006"

REFUSE = """
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %: what is written here stays as it is', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refuse_rewriting';
END $$"""

# Rows that would be paid were approved as they are: neither more nor others may be paid.
APPROVED_ROWS = """
CREATE FUNCTION approved_row_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM approval WHERE batch_id = coalesce(NEW.batch_id, OLD.batch_id)) THEN
        RAISE EXCEPTION 'an approved batch and its rows stay as they were approved'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'approved_row_guard';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$"""

CLAIM = """
CREATE FUNCTION claim_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM payment p
        JOIN payment_row r USING (payment_id)
        WHERE (p.period, p.employee_id, p.loan_index)
                = (OLD.period, OLD.employee_id, OLD.loan_index)
            AND NOT r.released
    ) THEN
        RAISE EXCEPTION 'a claim is held by a payment that stands'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'claim_guard';
    END IF;
    RETURN OLD;
END $$"""

#: (table, columns that never change)
NEVER = (
    ("batch", ("batch_id", "family_id", "parent_batch_id", "uploaded_by", "uploaded_at")),
    ("batch_row", ("row_id", "root_row_id", "batch_id", "file_row", "own_payment_id",
                   "employee_id", "loan_index", "person_index", "amount_text", "amount_cents")),
    ("payment", ("payment_id", "batch_id", "period", "source_account_id", "employee_id",
                 "loan_index", "amount_cents")),
    ("payment_row", ("row_id", "payment_id", "root_row_id", "amount_cents")),
    ("claim", ("period", "employee_id", "loan_index", "family_id", "batch_id")),
)  # fmt: skip
WHOLE = ("correction", "include", "certificate")
STATEMENTS = (
    """
    CREATE TRIGGER approved_row_guard BEFORE UPDATE ON batch_row FOR EACH ROW
    WHEN ((OLD.status, OLD.payment_id, OLD.source_account_id, OLD.merchant_id)
        IS DISTINCT FROM (NEW.status, NEW.payment_id, NEW.source_account_id, NEW.merchant_id))
    EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER approved_period_guard BEFORE UPDATE ON batch FOR EACH ROW
    WHEN (OLD.period IS DISTINCT FROM NEW.period)
    EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER approved_row_delete_guard BEFORE DELETE ON batch_row FOR EACH ROW
    EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER claim_guard BEFORE DELETE ON claim FOR EACH ROW
    EXECUTE FUNCTION claim_guard()""",
)


def upgrade() -> None:
    # Functions keep the search path they are created with. A temporary table of the same name must
    # not come before the real one.
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (REFUSE, APPROVED_ROWS, CLAIM, *STATEMENTS):
        op.execute(statement)
    for table, columns in NEVER:
        old = ", ".join(f"OLD.{column}" for column in columns)
        new = ", ".join(f"NEW.{column}" for column in columns)
        op.execute(
            f"CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION refuse_rewriting()"
        )
    for table in WHOLE:
        op.execute(
            f"CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
        )
