"""Batches, their rows, issues, corrections, approvals, claims and payments."""

from alembic import op

revision = "ingest_0001"
down_revision = None

INBOX = """
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (consumer, event_id)
)"""

CONSUMER_OFFSET = """
CREATE TABLE consumer_offset (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    topic_id text NOT NULL DEFAULT '',
    PRIMARY KEY (consumer, topic, partition)
)"""

DEAD_LETTER = """
CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    message_offset bigint NOT NULL,
    event_id uuid,
    message_key text,
    message_type text,
    correlation text NOT NULL DEFAULT '',
    body bytea NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    buried_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    redriven_by text,
    UNIQUE (consumer, topic, partition, message_offset)
)"""

# Rows are marked, never deleted: after the loss of a broker they are published again.
OUTBOX = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    message_key text NOT NULL,
    message_type text NOT NULL,
    correlation text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
)"""
OUTBOX_INDEX = "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL"

BATCH = """
CREATE TABLE batch (
    batch_id uuid PRIMARY KEY,
    family_id uuid NOT NULL,
    parent_batch_id uuid REFERENCES batch,
    status text NOT NULL CHECK (status IN (
        'receiving', 'reading', 'checking', 'ready', 'approved', 'paying', 'paused',
        'completed', 'completed_with_failures', 'archived',
        'rejected', 'discarded', 'expired', 'cancelled')),
    version int NOT NULL DEFAULT 0,
    revision int NOT NULL DEFAULT 0,
    filename text NOT NULL,
    period date NOT NULL,
    content_sha256 text CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    made_because text NOT NULL DEFAULT '',
    uploaded_by text NOT NULL CHECK (uploaded_by <> ''),
    uploaded_at timestamptz NOT NULL,
    reason text NOT NULL DEFAULT '',
    digest text CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    ready_at timestamptz,
    row_messages int NOT NULL DEFAULT 0,
    error_code text,
    error_message text NOT NULL DEFAULT '',
    error_line int,
    dispatch_version int NOT NULL DEFAULT 0,
    CHECK ((content_sha256 IS NULL) = (parent_batch_id IS NOT NULL)),
    CHECK (status <> 'rejected' OR error_code IS NOT NULL),
    CHECK (status NOT IN ('ready', 'approved', 'paying', 'paused') OR digest IS NOT NULL)
)"""

# At most one live batch with the same bytes. A repeat on purpose has a reason in `made_because`.
BATCH_LIVE = """
CREATE UNIQUE INDEX batch_live ON batch (content_sha256)
WHERE made_because = '' AND status NOT IN ('rejected', 'discarded', 'expired', 'cancelled')"""

# fillfactor: outcomes are updated in place after the provider's preflight.
ROWS = """
CREATE TABLE batch_row (
    row_id uuid PRIMARY KEY,
    root_row_id uuid NOT NULL,
    batch_id uuid NOT NULL REFERENCES batch,
    file_row int NOT NULL CHECK (file_row >= 1),
    line int NOT NULL,
    status text NOT NULL CHECK (status IN ('payable', 'unpayable', 'refused', 'excluded')),
    reason_code text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    revision int NOT NULL DEFAULT 0,
    own_payment_id uuid NOT NULL,
    payment_id uuid,
    employee_id text NOT NULL,
    branch_id text NOT NULL,
    source_account_id text NOT NULL,
    institution_id text NOT NULL,
    merchant_id text NOT NULL DEFAULT '',
    first_name text NOT NULL,
    last_name text NOT NULL,
    loan_last4 text NOT NULL,
    loan_index text NOT NULL,
    person_index text NOT NULL,
    dob_index text NOT NULL,
    phone_index text NOT NULL,
    amount_text text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    UNIQUE (batch_id, file_row),
    CHECK (status <> 'payable' OR (
        amount_cents > 0 AND employee_id <> '' AND source_account_id <> '' AND loan_index <> ''))
) WITH (fillfactor = 50)"""

# `written` holds the text of the file where a value was normalised. All is encrypted for
# (field, row_id).
SEALS = """
CREATE TABLE row_seal (
    row_id uuid PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    dob text NOT NULL,
    phone text NOT NULL,
    loan text NOT NULL,
    written text NOT NULL
)"""

SOURCES = """
CREATE TABLE batch_source (
    batch_id uuid NOT NULL REFERENCES batch,
    source_account_id text NOT NULL,
    payor_name text NOT NULL,
    dba text NOT NULL,
    ein text NOT NULL,
    aba_routing text NOT NULL,
    account_last4 text NOT NULL,
    account text NOT NULL,
    account_index text NOT NULL,
    line1 text NOT NULL,
    city text NOT NULL,
    state text NOT NULL,
    zip text NOT NULL,
    PRIMARY KEY (batch_id, source_account_id)
)"""

TOTALS = """
CREATE TABLE batch_total (
    batch_id uuid NOT NULL REFERENCES batch,
    kind text NOT NULL CHECK (kind IN ('source', 'branch')),
    id text NOT NULL,
    status text NOT NULL,
    rows int NOT NULL,
    amount_cents bigint NOT NULL,
    PRIMARY KEY (batch_id, kind, id, status)
)"""

ISSUES = """
CREATE TABLE issue (
    issue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id uuid NOT NULL,
    file_row int NOT NULL,
    line int NOT NULL,
    field text NOT NULL,
    code text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('file', 'row', 'warning')),
    value text NOT NULL,
    message text NOT NULL
)"""
ISSUES_INDEX = "CREATE INDEX issue_batch ON issue (batch_id, file_row, issue_id)"

CORRECTIONS = """
CREATE TABLE correction (
    correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batch,
    source_account_id text NOT NULL,
    field text NOT NULL,
    from_value text NOT NULL,
    to_value text NOT NULL,
    corrected_by text NOT NULL CHECK (corrected_by <> ''),
    corrected_at timestamptz NOT NULL,
    FOREIGN KEY (batch_id, source_account_id) REFERENCES batch_source
)"""

PREFLIGHT = """
CREATE TABLE preflight (
    batch_id uuid NOT NULL REFERENCES batch,
    revision int NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (batch_id, revision)
)"""

APPROVAL = """
CREATE TABLE approval (
    batch_id uuid PRIMARY KEY REFERENCES batch,
    digest text NOT NULL,
    approved_by text NOT NULL CHECK (approved_by <> ''),
    approved_at timestamptz NOT NULL,
    acknowledged text[] NOT NULL,
    one_person boolean NOT NULL,
    payments int NOT NULL CHECK (payments > 0),
    payments_cents bigint NOT NULL CHECK (payments_cents > 0)
)"""

INCLUDES = """
CREATE TABLE include (
    row_id uuid PRIMARY KEY REFERENCES batch_row,
    batch_id uuid NOT NULL REFERENCES batch,
    was text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    included_by text NOT NULL CHECK (included_by <> ''),
    included_at timestamptz NOT NULL
)"""

DISCARD = """
CREATE TABLE discard (
    batch_id uuid PRIMARY KEY REFERENCES batch,
    reason text NOT NULL CHECK (reason <> ''),
    discarded_by text NOT NULL CHECK (discarded_by <> ''),
    discarded_at timestamptz NOT NULL
)"""

CERTIFICATE = """
CREATE TABLE certificate (
    batch_id uuid NOT NULL REFERENCES batch,
    version int NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (batch_id, version)
)"""

CLAIM = """
CREATE TABLE claim (
    period date NOT NULL,
    employee_id text NOT NULL,
    loan_index text NOT NULL,
    family_id uuid NOT NULL,
    batch_id uuid NOT NULL REFERENCES batch,
    PRIMARY KEY (period, employee_id, loan_index)
)"""

PAYMENT = """
CREATE TABLE payment (
    payment_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES approval,
    period date NOT NULL,
    source_account_id text NOT NULL,
    employee_id text NOT NULL,
    loan_index text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    status text NOT NULL DEFAULT 'live'
        CHECK (status IN ('live', 'failed', 'cancelled', 'reversed')),
    UNIQUE (batch_id, source_account_id, employee_id, loan_index)
)"""
PAYMENT_CLAIM = "CREATE INDEX payment_claim ON payment (employee_id, loan_index)"

PAYMENT_ROW = """
CREATE TABLE payment_row (
    row_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payment,
    root_row_id uuid NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    released boolean NOT NULL DEFAULT false
)"""
PAYMENT_ROW_LIVE = (
    "CREATE UNIQUE INDEX payment_row_live ON payment_row (root_row_id) WHERE NOT released"
)
PAYMENT_ROW_PAYMENT = "CREATE INDEX payment_row_payment ON payment_row (payment_id)"

# The row last approved for each employee.
PERSON = """
CREATE TABLE person (
    employee_id text PRIMARY KEY,
    row_id uuid NOT NULL
)"""

# Who uploaded, corrected or derived a batch or one of its ancestors may not approve it.
# (A backslash joins two lines: the text of a function is stored as it is written.)
BARRED = """
CREATE FUNCTION barred(of_batch uuid) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT batch_id, parent_batch_id, uploaded_by FROM batch WHERE batch_id = of_batch
        UNION ALL
        SELECT b.batch_id, b.parent_batch_id, b.uploaded_by FROM batch b \
JOIN line ON b.batch_id = line.parent_batch_id)
    SELECT uploaded_by FROM line UNION SELECT corrected_by FROM correction \
JOIN line USING (batch_id)
$$"""

# The rules of an approval, which no code of the service can bypass.
APPROVE = """
CREATE FUNCTION approve_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'an approval is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT NEW.one_person AND NEW.approved_by IN (SELECT barred(NEW.batch_id)) THEN
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
APPROVE_TRIGGER = """
CREATE TRIGGER approve_guard BEFORE INSERT OR UPDATE OR DELETE ON approval
FOR EACH ROW EXECUTE FUNCTION approve_guard()"""

BATCH_GUARD = """
CREATE FUNCTION batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM approval WHERE batch_id = OLD.batch_id)
       AND (NEW.digest IS DISTINCT FROM OLD.digest OR NEW.status IN ('receiving', 'reading', \
'checking', 'ready', 'rejected', 'discarded', 'expired')) THEN
        RAISE EXCEPTION 'an approved batch keeps its digest and does not go back' \
USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$"""
BATCH_TRIGGER = (
    "CREATE TRIGGER batch_guard BEFORE UPDATE ON batch FOR EACH ROW EXECUTE FUNCTION batch_guard()"
)

EVERYTHING = (
    INBOX,
    CONSUMER_OFFSET,
    DEAD_LETTER,
    OUTBOX,
    OUTBOX_INDEX,
    BATCH,
    BATCH_LIVE,
    ROWS,
    SEALS,
    SOURCES,
    TOTALS,
    ISSUES,
    ISSUES_INDEX,
    CORRECTIONS,
    PREFLIGHT,
    APPROVAL,
    INCLUDES,
    DISCARD,
    CERTIFICATE,
    CLAIM,
    PAYMENT,
    PAYMENT_CLAIM,
    PAYMENT_ROW,
    PAYMENT_ROW_LIVE,
    PAYMENT_ROW_PAYMENT,
    PERSON,
    BARRED,
    APPROVE,
    APPROVE_TRIGGER,
    BATCH_GUARD,
    BATCH_TRIGGER,
)


def upgrade() -> None:
    for statement in EVERYTHING:
        op.execute(statement)
