"""The read model, whose content does not depend on the order of messages, and its one view.

All reports are made from the view `report_line`.
"""

from alembic import op

revision = "reports_0001"
down_revision = None
branch_labels = None
depends_on = None

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
    version int NOT NULL,
    status text NOT NULL,
    revision int NOT NULL,
    digest text NOT NULL,
    period text NOT NULL,
    filename text NOT NULL,
    uploaded_by text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamptz,
    rows_total int NOT NULL,
    amount_total_cents bigint NOT NULL,
    row_messages int NOT NULL,
    payments int NOT NULL,
    payments_cents bigint NOT NULL,
    sources jsonb NOT NULL,
    reason text NOT NULL,
    changed_at timestamptz NOT NULL
)"""

ROW_MESSAGES = """
CREATE TABLE row_messages (
    batch_id uuid PRIMARY KEY,
    received int NOT NULL
)"""

FILE_ROW = """
CREATE TABLE file_row (
    row_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    file_row int NOT NULL,
    revision int NOT NULL,
    status text NOT NULL,
    reason_code text NOT NULL,
    reason text NOT NULL,
    payment_id uuid,
    employee_id text NOT NULL,
    branch_id text NOT NULL,
    source_account_id text NOT NULL,
    source_last4 text NOT NULL,
    institution_id text NOT NULL,
    merchant_id text NOT NULL,
    loan_last4 text NOT NULL,
    amount_cents bigint NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    read_at timestamptz NOT NULL
)"""

# A payment's row is made by whichever arrives first, its approval or a status.
# The two write different columns.
PAYMENT = """
CREATE TABLE payment (
    payment_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    approved_at timestamptz,
    approved_by text NOT NULL DEFAULT '',
    amount_cents bigint NOT NULL DEFAULT 0,
    source_account_id text NOT NULL DEFAULT '',
    source_last4 text NOT NULL DEFAULT '',
    employee_id text NOT NULL DEFAULT '',
    institution_id text NOT NULL DEFAULT '',
    checked_merchant_id text NOT NULL DEFAULT '',
    loan_last4 text NOT NULL DEFAULT '',
    first_file_row int NOT NULL DEFAULT 0,
    file_rows int[] NOT NULL DEFAULT '{}',
    branch_ids text[] NOT NULL DEFAULT '{}',
    version int NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'unprocessed',
    provider_payment_id text NOT NULL DEFAULT '',
    provider_status text NOT NULL DEFAULT '',
    merchant_id text NOT NULL DEFAULT '',
    source_trace_id text NOT NULL DEFAULT '',
    destination_trace_id text NOT NULL DEFAULT '',
    reversal_id text NOT NULL DEFAULT '',
    return_under_way boolean NOT NULL DEFAULT false,
    attempts int NOT NULL DEFAULT 0,
    reason_code text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    changed_at timestamptz,
    completed_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 70)"""

PAYMENT_ROW = """
CREATE TABLE payment_row (
    row_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL
)"""

# Every version that arrived. The payment shows the highest version below which none is missing;
# the later ones wait here.
PAYMENT_CHANGE = """
CREATE TABLE payment_change (
    payment_id uuid NOT NULL,
    version int NOT NULL,
    batch_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    status text NOT NULL,
    provider_payment_id text NOT NULL,
    provider_status text NOT NULL,
    merchant_id text NOT NULL,
    source_trace_id text NOT NULL,
    destination_trace_id text NOT NULL,
    reversal_id text NOT NULL,
    return_under_way boolean NOT NULL,
    attempts int NOT NULL,
    evidence_kind text NOT NULL,
    evidence_id text NOT NULL,
    reason_code text NOT NULL,
    reason text NOT NULL,
    changed_by text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, version)
)"""

PROVIDER_EVENT = """
CREATE TABLE provider_event (
    event_id uuid PRIMARY KEY,
    provider_id text NOT NULL,
    provider_event text NOT NULL,
    webhook_type text NOT NULL,
    received_at timestamptz NOT NULL
)"""

JOURNAL = """
CREATE TABLE journal (
    journal_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    kind text NOT NULL,
    amount_cents bigint NOT NULL,
    status text NOT NULL,
    posted_at timestamptz NOT NULL
)"""

# totals: {outcome: {rows, amount_cents}}, and `total`, as the ledger certified them.
CERTIFICATE = """
CREATE TABLE certificate (
    batch_id uuid NOT NULL,
    version int NOT NULL,
    run_id uuid NOT NULL,
    outcome text NOT NULL,
    digest text NOT NULL,
    totals jsonb NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, version)
)"""

JUDGEMENT = """
CREATE TABLE judgement (
    event_id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    run_id uuid NOT NULL,
    clean boolean NOT NULL,
    break_count int NOT NULL,
    judged_at timestamptz NOT NULL
)"""

PREFLIGHT = """
CREATE TABLE preflight (
    batch_id uuid PRIMARY KEY,
    revision int NOT NULL,
    checked boolean NOT NULL,
    message text NOT NULL,
    done_at timestamptz NOT NULL
)"""

DISPATCH = """
CREATE TABLE dispatch (
    batch_id uuid PRIMARY KEY,
    version int NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    changed_at timestamptz NOT NULL
)"""

INDEXES = (
    "CREATE INDEX file_row_batch ON file_row (batch_id, file_row)",
    "CREATE INDEX payment_batch ON payment (batch_id)",
    "CREATE INDEX payment_row_payment ON payment_row (payment_id)",
    "CREATE INDEX provider_event_object ON provider_event (provider_id)",
    "CREATE INDEX journal_payment ON journal (payment_id)",
    "CREATE INDEX judgement_batch ON judgement (batch_id)",
)

# One line for each row of the file. A row of an approved payment has the payment's status. Every
# row has exactly one outcome, so the outcomes of any set of rows always add up to that set.
# All joins are by primary key, so the planner cannot choose a bad plan.
REPORT_LINE = """
CREATE VIEW report_line AS
SELECT
    l.*,
    CASE
        WHEN l.status = 'completed' THEN 'paid'
        WHEN l.status IN ('failed', 'cancelled', 'reversed', 'unpayable', 'refused', 'excluded')
            THEN l.status
        ELSE 'pending'
    END AS outcome
FROM (
    SELECT
        r.batch_id, r.file_row, r.row_id,
        coalesce(p.payment_id, r.payment_id) AS payment_id,
        r.employee_id, r.first_name, r.last_name,
        r.branch_id, r.source_account_id, r.source_last4, r.institution_id,
        coalesce(nullif(p.merchant_id, ''), nullif(p.checked_merchant_id, ''), r.merchant_id)
            AS merchant_id,
        r.loan_last4, r.amount_cents,
        CASE
            WHEN p.payment_id IS NOT NULL THEN p.status
            WHEN r.status <> 'payable' THEN r.status
            WHEN b.status IN ('rejected', 'discarded', 'expired', 'cancelled') THEN 'cancelled'
            ELSE 'unprocessed'
        END AS status,
        CASE WHEN p.payment_id IS NOT NULL THEN p.reason_code ELSE r.reason_code END
            AS reason_code,
        CASE
            WHEN p.payment_id IS NOT NULL THEN p.reason
            WHEN r.status = 'payable'
                AND b.status IN ('rejected', 'discarded', 'expired', 'cancelled')
                THEN coalesce(nullif(b.reason, ''), 'the batch was ' || b.status)
            ELSE r.reason
        END AS reason,
        coalesce(p.provider_payment_id, '') AS provider_payment_id,
        coalesce(p.provider_status, '') AS provider_status,
        coalesce(p.source_trace_id, '') AS source_trace_id,
        coalesce(p.destination_trace_id, '') AS destination_trace_id,
        coalesce(p.attempts, 0) AS attempts,
        coalesce(p.approved_by, '') AS approved_by,
        p.approved_at,
        b.uploaded_at AS created_at,
        greatest(r.read_at, p.approved_at, p.changed_at) AS updated_at,
        p.completed_at,
        coalesce(p.reversal_id, '') AS reversal_id
    FROM file_row r
    LEFT JOIN batch b ON b.batch_id = r.batch_id
    LEFT JOIN payment_row pr ON pr.row_id = r.row_id
    LEFT JOIN payment p ON p.payment_id = pr.payment_id
) l"""


def upgrade() -> None:
    for statement in (
        INBOX,
        CONSUMER_OFFSET,
        DEAD_LETTER,
        OUTBOX,
        OUTBOX_INDEX,
        BATCH,
        ROW_MESSAGES,
        FILE_ROW,
        PAYMENT,
        PAYMENT_ROW,
        PAYMENT_CHANGE,
        PROVIDER_EVENT,
        JOURNAL,
        CERTIFICATE,
        JUDGEMENT,
        PREFLIGHT,
        DISPATCH,
        *INDEXES,
        REPORT_LINE,
    ):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a read model is rebuilt from its topics, not downgraded")
