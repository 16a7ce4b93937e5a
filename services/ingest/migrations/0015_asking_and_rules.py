"""People ask for the approval of a batch, approvers send it back, and rules ask for a second one.

A batch has at most one open request. What was asked and answered stays as it is, and ends with the
approval. Who asked cannot approve.

Rules by amount come in versions that are never changed; another person confirms what one proposed.
The approval of a batch that a rule asks for is refused without a first one by another person.
"""

from alembic import op

revision = "ingest_0015"
down_revision = "ingest_0014"

# `number`: how many requests of the batch there were before. `digest`: the batch as it was then.
REQUEST = """
CREATE TABLE approval_request (
    request_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batch,
    number int NOT NULL CHECK (number >= 0),
    digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    note text NOT NULL,
    asked_by text NOT NULL CHECK (asked_by <> ''),
    asked_at timestamptz NOT NULL,
    outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'sent_back', 'withdrawn')),
    ended_by text CHECK (ended_by <> ''),
    ended_at timestamptz,
    end_reason text NOT NULL DEFAULT '',
    UNIQUE (batch_id, number),
    CHECK ((outcome = '') = (ended_by IS NULL)),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CHECK ((outcome = 'sent_back') = (end_reason <> ''))
)"""
REQUEST_OPEN = """
CREATE UNIQUE INDEX approval_request_open ON approval_request (batch_id) WHERE outcome = ''"""

# Who asked for the approval of a batch had a hand in it.
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
UNION SELECT withdrawn_by FROM decision JOIN line USING (batch_id) WHERE withdrawn_by IS NOT NULL \
UNION SELECT decided_by FROM amendment JOIN line USING (batch_id) \
UNION SELECT withdrawn_by FROM amendment JOIN line USING (batch_id) WHERE withdrawn_by IS NOT NULL \
UNION SELECT asked_by FROM approval_request JOIN line USING (batch_id)
$$"""

# `tried`: on how many batches a proposal was tried out, `tried_two`: how many would have needed
# two approvers.
RULES = """
CREATE TABLE approval_rules (
    rules_version int PRIMARY KEY CHECK (rules_version >= 1),
    reason text NOT NULL CHECK (reason <> ''),
    tried int NOT NULL CHECK (tried >= 0),
    tried_two int NOT NULL CHECK (tried_two BETWEEN 0 AND tried),
    proposed_by text NOT NULL CHECK (proposed_by <> ''),
    proposed_at timestamptz NOT NULL,
    proposed_counts_as text[] NOT NULL DEFAULT '{}',
    outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'confirmed', 'rejected')),
    ended_by text CHECK (ended_by <> ''),
    ended_at timestamptz,
    ended_counts_as text[] NOT NULL DEFAULT '{}',
    end_reason text NOT NULL DEFAULT '',
    CHECK ((outcome = '') = (ended_by IS NULL)),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CONSTRAINT another_person_confirms CHECK (outcome <> 'confirmed'
        OR NOT (ended_by = ANY (proposed_counts_as || proposed_by)
            OR proposed_by = ANY (ended_counts_as)))
)"""
RULES_OPEN = """
CREATE UNIQUE INDEX approval_rules_open ON approval_rules (outcome) WHERE outcome = ''"""
# Two approvers from this sum on: of the batch, or of one source in it ('': of any one).
RULE = """
CREATE TABLE approval_rule (
    rules_version int NOT NULL REFERENCES approval_rules,
    position int NOT NULL CHECK (position >= 0),
    scope text NOT NULL CHECK (scope IN ('total', 'source')),
    source_account_id text NOT NULL DEFAULT '',
    from_cents bigint NOT NULL CHECK (from_cents > 0),
    PRIMARY KEY (rules_version, position),
    UNIQUE (rules_version, scope, source_account_id),
    CHECK (scope = 'source' OR source_account_id = '')
)"""
# The one place that says what a rule means: the rules of a version that a batch reaches.
HIT = """
CREATE FUNCTION rules_hit(of_batch uuid, of_version int) RETURNS SETOF int LANGUAGE sql STABLE
SET search_path FROM CURRENT AS $$
    WITH sums AS MATERIALIZED (
        SELECT source_account_id, sum(amount_cents) AS cents
        FROM batch_row
        WHERE batch_id = of_batch AND status = 'payable'
        GROUP BY source_account_id)
    SELECT r.position
    FROM approval_rule r
    WHERE r.rules_version = of_version AND CASE r.scope
        WHEN 'total' THEN (SELECT sum(cents) FROM sums) >= r.from_cents
        ELSE EXISTS (
            SELECT
            FROM sums s
            WHERE s.cents >= r.from_cents
                AND (r.source_account_id = '' OR s.source_account_id = r.source_account_id))
        END
$$"""
FIRST = """
CREATE TABLE first_approval (
    batch_id uuid NOT NULL REFERENCES batch,
    number int NOT NULL CHECK (number >= 0),
    digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    approved_by text NOT NULL CHECK (approved_by <> ''),
    approved_at timestamptz NOT NULL,
    rules_version int NOT NULL REFERENCES approval_rules,
    counts_as text[] NOT NULL,
    acknowledged text[] NOT NULL,
    assertion text NOT NULL,
    one_person boolean NOT NULL,
    void boolean NOT NULL DEFAULT false,
    PRIMARY KEY (batch_id, number)
)"""
FIRST_STANDING = """
CREATE UNIQUE INDEX first_approval_standing ON first_approval (batch_id, digest) WHERE NOT void"""
RULES_VERSION = """
ALTER TABLE approval ADD COLUMN rules_version int NOT NULL DEFAULT 0 CHECK (rules_version >= 0)"""

# Who has a hand in the batch after the first approval of it is no approver of it any more.
FIRST_COUNTS = """
CREATE FUNCTION first_approval_counts(f first_approval) RETURNS boolean LANGUAGE sql STABLE
SET search_path FROM CURRENT AS $$
    SELECT NOT f.void AND (f.one_person OR NOT EXISTS (
        SELECT FROM barred(f.batch_id) AS person
        WHERE person = f.approved_by OR person = ANY (f.counts_as)))
$$"""
FIRST_GUARD = """
CREATE FUNCTION first_approval_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT NEW.one_person AND EXISTS (
        SELECT FROM barred(NEW.batch_id) AS person
        WHERE person = NEW.approved_by OR person = ANY (NEW.counts_as)
    ) THEN
        RAISE EXCEPTION 'the approver had a hand in this batch'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT FROM batch
        WHERE batch_id = NEW.batch_id AND status = 'ready' AND digest = NEW.digest
    ) THEN
        RAISE EXCEPTION 'the approval is not of the batch as it is'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$"""
# Rules that were confirmed after an approval do not concern it: so a restore can insert it again.
RULES_GUARD = """
CREATE FUNCTION approval_rules_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM approval_rules
        WHERE outcome = 'confirmed' AND rules_version > NEW.rules_version
            AND ended_at <= NEW.approved_at
    ) THEN
        RAISE EXCEPTION 'other rules held at this approval'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'approval_rules_guard';
    END IF;
    IF EXISTS (SELECT rules_hit(NEW.batch_id, NEW.rules_version)) AND NOT EXISTS (
        SELECT FROM first_approval f
        WHERE f.batch_id = NEW.batch_id AND f.digest = NEW.digest AND first_approval_counts(f)
            AND f.approved_by <> ALL (NEW.counts_as || NEW.approved_by)
            AND NEW.approved_by <> ALL (f.counts_as)
    ) THEN
        RAISE EXCEPTION 'a rule asks for the approvals of two people'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'approval_rules_guard';
    END IF;
    RETURN NEW;
END $$"""

STATEMENTS = (
    """
    CREATE TRIGGER first_approval_guard BEFORE INSERT ON first_approval
    FOR EACH ROW EXECUTE FUNCTION first_approval_guard()""",
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON first_approval
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON first_approval FOR EACH ROW
    WHEN (NOT NEW.void
        OR (OLD.batch_id, OLD.number, OLD.digest, OLD.approved_by, OLD.approved_at,
            OLD.rules_version, OLD.counts_as, OLD.acknowledged, OLD.assertion, OLD.one_person)
        IS DISTINCT FROM
           (NEW.batch_id, NEW.number, NEW.digest, NEW.approved_by, NEW.approved_at,
            NEW.rules_version, NEW.counts_as, NEW.acknowledged, NEW.assertion, NEW.one_person))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON first_approval
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER approval_rules_guard BEFORE INSERT ON approval
    FOR EACH ROW EXECUTE FUNCTION approval_rules_guard()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON approval_rules FOR EACH ROW
    WHEN (OLD.outcome <> ''
        OR (OLD.rules_version, OLD.reason, OLD.tried, OLD.tried_two, OLD.proposed_by,
            OLD.proposed_at, OLD.proposed_counts_as)
        IS DISTINCT FROM
           (NEW.rules_version, NEW.reason, NEW.tried, NEW.tried_two, NEW.proposed_by,
            NEW.proposed_at, NEW.proposed_counts_as))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON approval_rules
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON approval_rule
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER approved_row_guard BEFORE INSERT OR UPDATE OR DELETE ON approval_request
    FOR EACH ROW EXECUTE FUNCTION approved_row_guard()""",
    """
    CREATE TRIGGER refuse_rewriting BEFORE UPDATE ON approval_request FOR EACH ROW
    WHEN (OLD.outcome <> ''
        OR (OLD.request_id, OLD.batch_id, OLD.number, OLD.digest, OLD.note, OLD.asked_by,
            OLD.asked_at)
        IS DISTINCT FROM
           (NEW.request_id, NEW.batch_id, NEW.number, NEW.digest, NEW.note, NEW.asked_by,
            NEW.asked_at))
    EXECUTE FUNCTION refuse_rewriting()""",
    """
    CREATE TRIGGER refuse_deleting BEFORE DELETE ON approval_request
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()""",
)


def upgrade() -> None:
    # Functions keep the search path they are created with (see 0007).
    op.execute(
        "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    )
    for statement in (
        *(REQUEST, REQUEST_OPEN, BARRED),
        *(RULES, RULES_OPEN, RULE, HIT, FIRST, FIRST_STANDING, RULES_VERSION),
        *(FIRST_COUNTS, FIRST_GUARD, RULES_GUARD, *STATEMENTS),
    ):
        op.execute(statement)
