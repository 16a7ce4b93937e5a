"""Decisions about rows of a batch before its approval, and standing holds.

A row has at most one decision that stands, and a person, loan, branch or source at most one hold
that stands on a day. The approver of a batch has made and taken back none of its decisions; only
what an approver includes in the act of approving is their own. No payment has an excluded row.
"""

from alembic import op

revision = "ingest_0012"
down_revision = "ingest_0011"

# `target`: whom or what was named, for people. `rows` and `amount_cents`: what was decided about,
# and `seen_digest` the batch as it was then. `at_approval`: included by the approver, in that act.
DECISION = """
CREATE TABLE decision (
    decision_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batch,
    act text NOT NULL CHECK (act IN ('exclude', 'include')),
    target text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    evidence text NOT NULL DEFAULT '',
    seen_digest text NOT NULL,
    rows int NOT NULL CHECK (rows > 0),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    at_approval boolean NOT NULL DEFAULT false,
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    withdrawn_by text CHECK (withdrawn_by <> ''),
    withdrawn_at timestamptz,
    UNIQUE (decision_id, batch_id),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL)),
    CHECK (NOT at_approval OR (act = 'include' AND withdrawn_by IS NULL))
)"""
DECISION_BATCH = "CREATE INDEX decision_batch ON decision (batch_id)"
# By number: after a restore a decision may be here before the rows of its file are read again.
DECISION_ROW = """
CREATE TABLE decision_row (
    decision_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    file_row int NOT NULL CHECK (file_row >= 1),
    standing boolean NOT NULL DEFAULT true,
    PRIMARY KEY (decision_id, file_row),
    FOREIGN KEY (decision_id, batch_id) REFERENCES decision (decision_id, batch_id)
)"""
DECISION_ROW_STANDING = """
CREATE UNIQUE INDEX decision_row_standing ON decision_row (batch_id, file_row) WHERE standing"""

# The key of a person or loan is the canonical one; `shown` is what people see.
HOLD = """
CREATE TABLE hold (
    hold_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'loan', 'branch', 'source')),
    key text NOT NULL CHECK (key <> ''),
    shown text NOT NULL,
    days daterange NOT NULL CHECK (NOT isempty(days) AND NOT lower_inf(days)),
    reason text NOT NULL CHECK (reason <> ''),
    evidence text NOT NULL DEFAULT '',
    set_by text NOT NULL CHECK (set_by <> ''),
    set_at timestamptz NOT NULL,
    lifted_by text CHECK (lifted_by <> ''),
    lifted_at timestamptz,
    lift_reason text NOT NULL DEFAULT '',
    CHECK ((lifted_by IS NULL) = (lifted_at IS NULL)),
    CHECK (lifted_by IS NULL OR lift_reason <> ''),
    CONSTRAINT days_are_held_once
        EXCLUDE USING gist (claim_slot(kind, key) WITH &&, days WITH &&) WHERE (lifted_at IS NULL)
)"""

HOLD_STANDING = "CREATE INDEX hold_standing ON hold (key) WHERE lifted_at IS NULL"

# Who decided about a batch, or took a decision back, had a hand in it.
BARRED = """
CREATE OR REPLACE FUNCTION barred(of_batch uuid) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT batch_id, parent_batch_id, uploaded_by FROM batch WHERE batch_id = of_batch
        UNION ALL
        SELECT b.batch_id, b.parent_batch_id, b.uploaded_by FROM batch b \
JOIN line ON b.batch_id = line.parent_batch_id)
    SELECT uploaded_by FROM line UNION SELECT corrected_by FROM correction \
JOIN line USING (batch_id) UNION SELECT chosen_by FROM period_choice JOIN line USING (batch_id) \
UNION SELECT decided_by FROM decision JOIN line USING (batch_id) WHERE NOT at_approval \
UNION SELECT withdrawn_by FROM decision JOIN line USING (batch_id) WHERE withdrawn_by IS NOT NULL
$$"""

AT_APPROVAL = """
CREATE FUNCTION decision_at_approval() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approval WHERE batch_id = NEW.batch_id AND approved_by = NEW.decided_by
    ) THEN
        RAISE EXCEPTION 'only who approves a batch decides in the act of approving'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'decision_at_approval';
    END IF;
    RETURN NULL;
END $$"""
NOT_EXCLUDED = """
CREATE FUNCTION payment_not_excluded() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM (SELECT DISTINCT batch_id FROM fresh) b
        JOIN decision_row s ON s.batch_id = b.batch_id AND s.standing
        JOIN decision d ON d.decision_id = s.decision_id AND d.act = 'exclude'
        JOIN batch_row r ON r.batch_id = s.batch_id AND r.file_row = s.file_row
        WHERE r.status = 'payable'
    ) THEN
        RAISE EXCEPTION 'a row that a person excluded is not paid'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payment_not_excluded';
    END IF;
    RETURN NULL;
END $$"""
STATEMENTS = (
    """
    CREATE TRIGGER payment_not_excluded AFTER INSERT ON payment REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION payment_not_excluded()""",
    """
    CREATE CONSTRAINT TRIGGER decision_at_approval AFTER INSERT ON decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.at_approval)
    EXECUTE FUNCTION decision_at_approval()""",
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON decision_row
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON decision FOR EACH ROW
    WHEN (OLD.withdrawn_by IS NOT NULL
        OR (OLD.decision_id, OLD.batch_id, OLD.act, OLD.target, OLD.reason, OLD.evidence,
            OLD.seen_digest, OLD.rows, OLD.amount_cents, OLD.at_approval, OLD.decided_by,
            OLD.decided_at)
        IS DISTINCT FROM
           (NEW.decision_id, NEW.batch_id, NEW.act, NEW.target, NEW.reason, NEW.evidence,
            NEW.seen_digest, NEW.rows, NEW.amount_cents, NEW.at_approval, NEW.decided_by,
            NEW.decided_at))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON decision_row FOR EACH ROW
    WHEN (NEW.standing
        OR (OLD.decision_id, OLD.batch_id, OLD.file_row)
            IS DISTINCT FROM (NEW.decision_id, NEW.batch_id, NEW.file_row))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON decision_row
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON hold FOR EACH ROW
    WHEN (OLD.lifted_by IS NOT NULL
        OR (OLD.hold_id, OLD.kind, OLD.key, OLD.shown, OLD.days, OLD.reason, OLD.evidence,
            OLD.set_by, OLD.set_at)
        IS DISTINCT FROM
           (NEW.hold_id, NEW.kind, NEW.key, NEW.shown, NEW.days, NEW.reason, NEW.evidence,
            NEW.set_by, NEW.set_at))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON hold
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
)


def upgrade() -> None:
    # Functions keep the search path they are created with (see 0007).
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (
        *(DECISION, DECISION_BATCH, DECISION_ROW, DECISION_ROW_STANDING, HOLD, HOLD_STANDING),
        *(BARRED, AT_APPROVAL, NOT_EXCLUDED, *STATEMENTS),
    ):
        op.execute(statement)
