"""The first schema: approved payments, objects at the provider, attempts and the rate limiter."""

from alembic import op

revision = "dispatcher_0001"
down_revision = None

# The tables every service that reads or writes topics has.
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

# Rows are marked, never deleted: they can be published again to a broker that was lost.
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

MESSAGING = (INBOX, CONSUMER_OFFSET, DEAD_LETTER, OUTBOX, OUTBOX_INDEX)

TABLES = (
    """CREATE TABLE batch (
        batch_id uuid PRIMARY KEY,
        version int NOT NULL,                         -- of ingest's newest message
        status text NOT NULL,                         -- ingest's word
        revision int NOT NULL,
        digest text,
        period text NOT NULL,
        row_messages int NOT NULL DEFAULT 0,
        payments int NOT NULL DEFAULT 0,              -- announced by the approval
        payments_cents bigint NOT NULL DEFAULT 0,
        institutions text[] NOT NULL DEFAULT '{}',
        state text NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'paying', 'paused', 'cancelled')),
        state_version int NOT NULL DEFAULT 0,
        state_by text NOT NULL DEFAULT '',
        state_reason text NOT NULL DEFAULT '',
        preflight_revision int NOT NULL DEFAULT 0,    -- answered
        preflight_since timestamptz,                  -- of the revision being checked
        statement_seq bigint NOT NULL DEFAULT -1,     -- newest status_change that is covered
        statement_n int NOT NULL DEFAULT 0,           -- statements begun
        statement_begun_at timestamptz NOT NULL DEFAULT '-infinity',
        statement_wanted_by text NOT NULL DEFAULT '', -- a person who asked for one
        changed_at timestamptz NOT NULL DEFAULT now()
    )""",
    """CREATE TABLE source (
        batch_id uuid NOT NULL,
        source_account_id text NOT NULL,
        ein text NOT NULL,
        payor_name text NOT NULL,
        dba text NOT NULL,
        address jsonb NOT NULL,
        routing text NOT NULL,
        last4 text NOT NULL,
        account text NOT NULL,                        -- sealed
        account_index text NOT NULL,
        PRIMARY KEY (batch_id, source_account_id)
    )""",
    """CREATE TABLE batch_row (
        row_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        revision int NOT NULL,
        status text NOT NULL,
        employee_id text NOT NULL,
        person_index text NOT NULL,
        institution_id text NOT NULL,
        merchant_id text NOT NULL,
        loan_index text NOT NULL,
        -- Sealed.
        first_name text NOT NULL, last_name text NOT NULL, dob text NOT NULL, phone text NOT NULL,
        loan text NOT NULL,
        prepared boolean NOT NULL DEFAULT false
    )""",
    """CREATE INDEX batch_row_unprepared ON batch_row (batch_id)
        WHERE NOT prepared AND status = 'payable'""",
    """CREATE TABLE row_count (batch_id uuid PRIMARY KEY, messages int NOT NULL)""",
    """CREATE TABLE merchant (
        institution_id text PRIMARY KEY,
        merchant_id text NOT NULL,                    -- empty: none
        reason text NOT NULL DEFAULT '',
        read_at timestamptz NOT NULL DEFAULT now()
    )""",
    # What we created at the provider, by what was sent. Used again in every pay period.
    """CREATE TABLE object (
        object_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        kind text NOT NULL CHECK (kind IN ('corporation', 'individual', 'ach', 'liability')),
        natural_key text NOT NULL UNIQUE,
        holder_id uuid REFERENCES object,
        employee_id text NOT NULL DEFAULT '',
        person_index text NOT NULL DEFAULT '',
        merchant_id text NOT NULL DEFAULT '',
        number_index text NOT NULL DEFAULT '',        -- of the loan or account number
        batch_id uuid NOT NULL,                       -- where the sealed values lie
        row_id uuid,
        source_account_id text NOT NULL DEFAULT '',
        -- Of a corporation: what a correction must change before it is tried again.
        made_of jsonb NOT NULL DEFAULT 'null',
        purpose text NOT NULL DEFAULT 'create'
            CHECK (purpose IN ('create', 'verify-phone', 'verify-identity')),
        status text NOT NULL DEFAULT 'unprocessed'
            CHECK (status IN ('unprocessed', 'sending', 'in_doubt', 'pending', 'failed', 'held',
                              'inactive')),
        provider_id text UNIQUE,
        reason_code text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT '',
        attempts int NOT NULL DEFAULT 0,
        looks int NOT NULL DEFAULT 0,
        step text NOT NULL DEFAULT '',
        due_at timestamptz NOT NULL DEFAULT now(),
        lease_until timestamptz NOT NULL DEFAULT '-infinity',
        fence bigint NOT NULL DEFAULT 0
    )""",
    """CREATE INDEX object_waiting ON object (due_at)
        WHERE status IN ('unprocessed', 'sending', 'in_doubt')""",
    "CREATE INDEX object_holder ON object (holder_id)",
    "CREATE INDEX object_new ON object (batch_id) WHERE status = 'unprocessed'",
    "CREATE INDEX object_ach ON object (number_index) WHERE kind = 'ach'",
    """CREATE INDEX object_parked ON object (holder_id)
        WHERE status = 'unprocessed' AND due_at = 'infinity'""",
    """CREATE INDEX object_refused ON object (object_id)
        WHERE status IN ('failed', 'inactive', 'held')""",
    """CREATE TABLE payment (
        payment_id uuid PRIMARY KEY,
        batch_id uuid NOT NULL,
        digest text NOT NULL,
        amount_cents bigint NOT NULL CHECK (amount_cents > 0),
        row_id uuid NOT NULL,                         -- the lowest of its rows
        source_account_id text NOT NULL,
        account_index text NOT NULL,
        employee_id text NOT NULL,
        person_index text NOT NULL,
        institution_id text NOT NULL,
        merchant_id text NOT NULL,
        loan_index text NOT NULL,
        source_object uuid REFERENCES object,
        destination_object uuid REFERENCES object,
        ready boolean NOT NULL DEFAULT false,         -- both accounts exist; checked at sending
        status text NOT NULL DEFAULT 'unprocessed'
            CHECK (status IN ('unprocessed', 'sending', 'pending', 'completed', 'failed',
                              'in_doubt', 'held', 'cancelled', 'reversed')),
        version int NOT NULL DEFAULT 0,
        provider_id text UNIQUE,
        provider_status text NOT NULL DEFAULT '',
        provider_created_at timestamptz,
        source_trace_id text NOT NULL DEFAULT '',
        destination_trace_id text NOT NULL DEFAULT '',
        reversal_id text NOT NULL DEFAULT '',
        return_under_way boolean NOT NULL DEFAULT false,
        reason_code text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT '',
        attempts int NOT NULL DEFAULT 0,
        looks int NOT NULL DEFAULT 0,
        step text NOT NULL DEFAULT '',
        due_at timestamptz NOT NULL DEFAULT now(),
        lease_until timestamptz NOT NULL DEFAULT '-infinity',
        fence bigint NOT NULL DEFAULT 0,
        poll_due_at timestamptz NOT NULL DEFAULT 'infinity',
        hint text NOT NULL DEFAULT '',                -- the webhook that asked for a reading
        paid_at timestamptz,
        UNIQUE (batch_id, source_account_id, employee_id, loan_index)
    )""",
    "CREATE INDEX payment_batch ON payment (batch_id, status)",
    """CREATE INDEX payment_destination ON payment (destination_object)
        WHERE status = 'unprocessed'""",
    """CREATE INDEX payment_unlinked ON payment (batch_id)
        WHERE status = 'unprocessed' AND destination_object IS NULL""",
    """CREATE INDEX payment_sendable ON payment (batch_id, payment_id)
        WHERE status = 'unprocessed' AND ready""",
    "CREATE INDEX payment_step ON payment (due_at) WHERE status IN ('sending', 'in_doubt')",
    "CREATE INDEX payment_poll ON payment (poll_due_at) WHERE poll_due_at < 'infinity'",
    "CREATE INDEX payment_walk ON payment (source_object, provider_created_at)",
    """CREATE TABLE payment_row (
        root_row_id uuid NOT NULL,
        payment_id uuid NOT NULL REFERENCES payment,
        row_id uuid NOT NULL,
        live boolean NOT NULL DEFAULT true,
        PRIMARY KEY (payment_id, row_id)
    )""",
    # The last guard against paying a row twice: a row has one live payment.
    "CREATE UNIQUE INDEX payment_row_live ON payment_row (root_row_id) WHERE live",
    """CREATE TABLE attempt (
        subject_id uuid NOT NULL,                     -- a payment or an object
        n int NOT NULL CHECK (n BETWEEN 1 AND 50),
        kind text NOT NULL,
        purpose text NOT NULL,
        idempotency_key uuid NOT NULL UNIQUE,
        path text NOT NULL,
        body text NOT NULL,                           -- frozen; sealed if it has personal values
        body_sha256 text NOT NULL,
        provider_date timestamptz,                    -- the provider's clock before the first send
        first_sent_at timestamptz NOT NULL DEFAULT now(),
        last_sent_at timestamptz NOT NULL DEFAULT now(),
        sends int NOT NULL DEFAULT 1,
        outcome text NOT NULL DEFAULT 'open'
            CHECK (outcome IN ('open', 'accepted', 'refused', 'absent')),
        http_status int,
        code text NOT NULL DEFAULT '',
        message text NOT NULL DEFAULT '',
        request_id text NOT NULL DEFAULT '',
        PRIMARY KEY (subject_id, n)
    )""",
    # A further attempt needs evidence that the one before did not happen. Once one was accepted
    # there is none. (The text of a function is stored as written, so its long lines continue
    # after a backslash.)
    """CREATE FUNCTION attempt_follows_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.n > 1 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.subject_id = \
NEW.subject_id AND a.n = NEW.n - 1
                                         AND (a.outcome IN ('refused', 'absent') OR (a.outcome = \
'accepted' AND NEW.kind <> 'payment'))) THEN
                RAISE EXCEPTION 'attempt % of % without evidence that attempt % did not happen', \
NEW.n, NEW.subject_id, NEW.n - 1;
            END IF;
            IF NEW.kind = 'payment' AND EXISTS (SELECT 1 FROM attempt a WHERE a.subject_id = \
NEW.subject_id AND a.outcome IN ('open', 'accepted')) THEN
                RAISE EXCEPTION 'payment % already has an attempt that is open or accepted', \
NEW.subject_id;
            END IF;
            RETURN NEW;
        END $$""",
    """CREATE TRIGGER attempt_follows_evidence BEFORE INSERT ON attempt
        FOR EACH ROW EXECUTE FUNCTION attempt_follows_evidence()""",
    # One key, one body, for ever.
    """CREATE FUNCTION attempt_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (NEW.idempotency_key, NEW.path, NEW.body, NEW.body_sha256, NEW.first_sent_at) IS \
DISTINCT FROM
               (OLD.idempotency_key, OLD.path, OLD.body, OLD.body_sha256, OLD.first_sent_at) THEN
                RAISE EXCEPTION 'the body of attempt % of % is frozen', OLD.n, OLD.subject_id;
            END IF;
            IF OLD.outcome = 'accepted' AND NEW.outcome <> 'accepted' THEN
                RAISE EXCEPTION 'attempt % of % was accepted and stays so', OLD.n, OLD.subject_id;
            END IF;
            RETURN NEW;
        END $$""",
    """CREATE TRIGGER attempt_is_frozen BEFORE UPDATE ON attempt
        FOR EACH ROW EXECUTE FUNCTION attempt_is_frozen()""",
    # Rows are appended, so that workers do not wait for the batch's row. A statement must cover the
    # newest id.
    """CREATE TABLE status_change (
        change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        batch_id uuid NOT NULL,
        changes int NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE INDEX status_change_batch ON status_change (batch_id, change_id)",
    """CREATE TABLE source_stop (
        account_index text PRIMARY KEY,
        reason_code text NOT NULL,
        reason text NOT NULL,
        stopped_at timestamptz NOT NULL DEFAULT now()
    )""",
    """CREATE TABLE kill_switch (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        engaged boolean NOT NULL DEFAULT false,
        by_whom text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT '',
        at timestamptz NOT NULL DEFAULT now()
    )""",
    "INSERT INTO kill_switch DEFAULT VALUES",
    """CREATE TABLE limiter (
        tier text PRIMARY KEY,
        per_min int NOT NULL CHECK (per_min > 0),
        free_at timestamptz NOT NULL DEFAULT '-infinity',
        closed_until timestamptz NOT NULL DEFAULT '-infinity'
    )""",
    # Webhooks that came before the answer to their payment.
    """CREATE TABLE hint (
        provider_id text PRIMARY KEY,
        provider_event text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )""",
    """CREATE TABLE flag (
        flag_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        payment_id uuid,
        kind text NOT NULL,
        detail text NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (payment_id, kind, detail)
    )""",
    """CREATE TABLE held_proposal (
        payment_id uuid PRIMARY KEY,
        act text NOT NULL,
        provider_id text NOT NULL DEFAULT '',
        reason text NOT NULL,
        by_whom text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )""",
)


def upgrade() -> None:
    for statement in (*MESSAGING, *TABLES):
        op.execute(statement)
