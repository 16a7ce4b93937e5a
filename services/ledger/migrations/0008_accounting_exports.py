"""Accounting exports: sets of journals, each journal in one of them; and money at the sources.

The mapping of accounts is kept with its history, and an export keeps the lines it was made of.
What a person says is available in a source account is kept too; the newest counts.
"""

from alembic import op

revision = "ledger_0008"
down_revision = "ledger_0007"

MAPPING = """
CREATE TABLE account_mapping (
    version int PRIMARY KEY CHECK (version >= 1),
    -- [{account, gl_account, gl_type, cost_centre}]
    lines jsonb NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    made_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL
)"""
EXPORT = """
CREATE TABLE accounting_export (
    export_id uuid PRIMARY KEY,
    -- 1, 2, 3 …: what accountants call an export, and how its documents are named
    number int NOT NULL UNIQUE CHECK (number >= 1),
    -- NULL: of every batch
    batch_id uuid,
    -- the last day of its journals in UTC; NULL: of one batch, up to the moment it was made
    through date,
    mapping_version int NOT NULL REFERENCES account_mapping,
    journals int NOT NULL CHECK (journals >= 1),
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    first_day date NOT NULL,
    last_day date NOT NULL,
    lines jsonb NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    made_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((batch_id IS NULL) <> (through IS NULL)),
    CHECK (through IS NULL OR last_day <= through)
)"""
JOURNAL = """
CREATE TABLE exported_journal (
    journal_id uuid PRIMARY KEY,
    export_id uuid NOT NULL REFERENCES accounting_export
)"""
INDEX = "CREATE INDEX exported_journal_of_export ON exported_journal (export_id)"
AVAILABLE = """
CREATE TABLE source_available (
    said_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_account_id text NOT NULL,
    available_cents bigint NOT NULL CHECK (available_cents >= 0),
    -- The moment that the balance is of: money that left later is taken off it.
    as_of timestamptz NOT NULL,
    said_by text NOT NULL CHECK (said_by <> ''),
    said_at timestamptz NOT NULL DEFAULT now()
)"""
AVAILABLE_INDEX = """
CREATE INDEX source_available_newest ON source_available (source_account_id, said_id DESC)"""
# Every journal of an export comes in one statement, together with the export's header, and they
# are what the header declares. `refuse_change` keeps them so.
GUARD = """
CREATE FUNCTION check_exported() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
DECLARE wrong record;
BEGIN
    SELECT f.export_id INTO wrong
    FROM (
        SELECT e.export_id, count(*) AS journals, count(m.cents) AS found, sum(m.cents) AS cents
        FROM fresh e
        LEFT JOIN LATERAL (
            SELECT j.amount_cents AS cents FROM journal j
            WHERE j.journal_id = e.journal_id AND j.kind IN ('settle', 'reverse')
            UNION ALL
            SELECT c.amount_cents FROM correction c
            WHERE c.journal_id = e.journal_id
        ) m ON true
        GROUP BY e.export_id OFFSET 0
    ) f
    JOIN accounting_export x ON x.export_id = f.export_id
    WHERE f.found <> f.journals OR f.journals <> x.journals OR f.cents <> x.amount_cents
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'export % is not of the journals its header declares', wrong.export_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_exported';
    END IF;
    RETURN NULL;
END $$"""
HEADER_GUARD = """
CREATE FUNCTION check_export() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM fresh f
        WHERE NOT EXISTS (SELECT FROM exported_journal e WHERE e.export_id = f.export_id)
    ) THEN
        RAISE EXCEPTION 'an export comes with its journals'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'check_export';
    END IF;
    RETURN NULL;
END $$"""
TRIGGERS = (
    (
        "accounting_export",
        "check_export",
        "AFTER INSERT ON accounting_export REFERENCING NEW TABLE AS fresh",
    ),
    ("account_mapping", "refuse_change", "BEFORE UPDATE OR DELETE OR TRUNCATE ON account_mapping"),
    (
        "accounting_export",
        "refuse_change",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_export",
    ),
    (
        "exported_journal",
        "refuse_change",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON exported_journal",
    ),
    (
        "exported_journal",
        "check_exported",
        "AFTER INSERT ON exported_journal REFERENCING NEW TABLE AS fresh",
    ),
    (
        "source_available",
        "refuse_change",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON source_available",
    ),
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
                AND c.relname IN ('account_mapping', 'accounting_export', 'exported_journal',
                                  'source_available')
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
    for statement in (
        MAPPING,
        EXPORT,
        JOURNAL,
        INDEX,
        AVAILABLE,
        AVAILABLE_INDEX,
        GUARD,
        HEADER_GUARD,
    ):
        op.execute(statement)
    for table, function, when in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function} {when} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
        # Without ALWAYS, the session of a replica would pass the trigger by.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {function}")
    op.execute(NARROW_RIGHTS)
