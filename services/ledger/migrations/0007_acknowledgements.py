"""Two people acknowledge a break that they can explain; a correcting journal books its money.

An acknowledgement belongs to the evidence of a break: a break that changes is not acknowledged. A
correcting journal is one row that moves one amount from one account to another, so it balances by
its form.
"""

from alembic import op

revision = "ledger_0007"
down_revision = "ledger_0006"

COLUMNS = (
    # Who had a hand in a batch, and so confirms nothing about its money. NULL: not known, the
    # batch came before this column.
    "ALTER TABLE batch ADD COLUMN barred text[]",
    "ALTER TABLE statement_run ADD COLUMN decided_duplicates jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE reconciliation_break ADD COLUMN account text NOT NULL DEFAULT ''",
    "ALTER TABLE reconciliation_break ADD COLUMN evidence text NOT NULL DEFAULT ''",
    # [{"provider_payment_id": …, "amount_cents": …}]: money that moved outside of our payments
    "ALTER TABLE reconciliation_break ADD COLUMN outside jsonb NOT NULL DEFAULT '[]'",
)
ACKNOWLEDGEMENT = """
CREATE TABLE acknowledgement (
    evidence text PRIMARY KEY CHECK (evidence <> ''),
    break_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    act text NOT NULL CHECK (act IN ('by-hand', 'fee', 'accepted', 'recovered', 'explained')),
    reason text NOT NULL CHECK (reason <> ''),
    amount_cents bigint NOT NULL,
    proposed_by text NOT NULL CHECK (proposed_by <> ''),
    confirmed_by text NOT NULL CHECK (confirmed_by <> '' AND confirmed_by <> proposed_by),
    confirmed_at timestamptz NOT NULL,
    decided_in text NOT NULL CHECK (decided_in IN ('ledger', 'dispatcher')),
    -- It counts for runs that began after this moment of the dispatcher's clock.
    counts_after timestamptz NOT NULL,
    journals jsonb NOT NULL
)"""
PROPOSAL = """
CREATE TABLE acknowledgement_proposal (
    break_id uuid PRIMARY KEY,
    evidence text NOT NULL,
    act text NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now()
)"""
CORRECTION = """
CREATE TABLE correction (
    journal_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    break_id uuid NOT NULL,
    provider_payment_id text NOT NULL CHECK (provider_payment_id <> ''),
    from_account text NOT NULL,
    to_account text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    posted_at timestamptz NOT NULL,
    CHECK ((from_account LIKE 'source:%' AND to_account = 'outside:provider')
        OR (from_account = 'outside:provider' AND to_account LIKE 'source:%'))
)"""
INDEX = "CREATE INDEX correction_of_payment ON correction (provider_payment_id)"
# The text of a function is stored as written, so its long lines continue after a backslash.
GUARD = """
CREATE FUNCTION acknowledgement_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.decided_in = 'ledger' AND NEW.confirmed_by = ANY (SELECT unnest(b.barred) FROM batch b \
WHERE b.batch_id = NEW.batch_id) THEN
        RAISE EXCEPTION 'who confirms had a hand in this batch' USING ERRCODE = \
'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
TRIGGERS = (
    ("acknowledgement", "acknowledgement_guard", "BEFORE INSERT", "ROW"),
    ("acknowledgement", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT"),
    ("correction", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT"),
)

# As in ledger_0001: the names of the roles belong to the installation and are not known here.
NARROW_RIGHTS = """
    DO $$
    DECLARE given record;
    BEGIN
        FOR given IN
            SELECT DISTINCT c.relname, a.grantee
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
                AND a.grantee <> c.relowner
                AND a.grantee <> 0
                AND c.relname IN ('acknowledgement', 'correction')
        LOOP
            EXECUTE format('REVOKE ALL ON %I FROM %I',
                           given.relname, pg_get_userbyid(given.grantee));
            EXECUTE format('GRANT SELECT, INSERT ON %I TO %I',
                           given.relname, pg_get_userbyid(given.grantee));
        END LOOP;
    END $$"""


def upgrade() -> None:
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (*COLUMNS, ACKNOWLEDGEMENT, PROPOSAL, CORRECTION, INDEX, GUARD):
        op.execute(statement)
    for table, function, when, each in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function} {when} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {function}()"
        )
        # Without ALWAYS, the session of a replica would pass the trigger by.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {function}")
    op.execute(NARROW_RIGHTS)
