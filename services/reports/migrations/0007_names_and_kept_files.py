"""Names that people give branches and source accounts; reports as PDF; evidence of payments.

A name is a line of its history, which nobody changes. What a person has put away on the home page
is kept with the status that it had: a batch that goes on comes back.
"""

from alembic import op

revision = "reports_0007"
down_revision = "reports_0006"

# Reports that were made before have no PDF.
FINANCE_REPORT_PDF = "ALTER TABLE finance_report ADD COLUMN pdf bytea"
# The version counts from 1 for each id, so two people who change one name at the same moment meet
# at the primary key. An empty name takes the name back.
GIVEN_NAME = """
CREATE TABLE given_name (
    kind text NOT NULL CHECK (kind IN ('branch', 'source')),
    id text NOT NULL CHECK (id <> ''),
    version int NOT NULL CHECK (version > 0),
    name text NOT NULL CHECK (char_length(name) <= 80),
    given_by text NOT NULL CHECK (given_by <> ''),
    given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, id, version)
)"""
HISTORY_FUNCTION = """
CREATE FUNCTION refuse_change_of_given_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a name that was given is history and is not changed'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$"""
HISTORY_TRIGGER = """
CREATE TRIGGER given_name_is_history BEFORE UPDATE ON given_name
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_given_name()"""
PUT_AWAY = """
CREATE TABLE put_away (
    person text NOT NULL CHECK (person <> ''),
    batch_id uuid NOT NULL,
    status text NOT NULL,
    put_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, batch_id)
)"""
PAYMENT_EVIDENCE = """
CREATE TABLE payment_evidence (
    evidence_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    manifest jsonb NOT NULL,
    pdf bytea NOT NULL
)"""
PAYMENT_EVIDENCE_INDEX = (
    "CREATE INDEX payment_evidence_newest ON payment_evidence (payment_id, made_at DESC)"
)


def upgrade() -> None:
    for statement in (
        FINANCE_REPORT_PDF,
        GIVEN_NAME,
        HISTORY_FUNCTION,
        HISTORY_TRIGGER,
        PUT_AWAY,
        PAYMENT_EVIDENCE,
        PAYMENT_EVIDENCE_INDEX,
    ):
        op.execute(statement)
