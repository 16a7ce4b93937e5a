"""Tables of deliveries, security events and messages."""

from alembic import op

revision = "webhooks_0001"
down_revision = None
branch_labels = None
depends_on = None

MESSAGING = (
    """CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        PRIMARY KEY (consumer, event_id)
    )""",
    """CREATE TABLE consumer_offset (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL CHECK (next_offset >= 0),
        topic_id text NOT NULL DEFAULT '',
        PRIMARY KEY (consumer, topic, partition)
    )""",
    """CREATE TABLE dead_letter (
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
    )""",
    # Rows are marked, never deleted: topics that a broker lost are published again from them.
    """CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL UNIQUE,
        topic text NOT NULL,
        message_key text NOT NULL,
        message_type text NOT NULL,
        correlation text NOT NULL,
        body text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz
    )""",
    "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL",
)


def upgrade() -> None:
    for statement in MESSAGING:
        op.execute(statement)
    op.execute("""
        CREATE TABLE delivery (
            provider_event text PRIMARY KEY,
            webhook_type text NOT NULL,
            provider_id text NOT NULL,
            body bytea NOT NULL CHECK (octet_length(body) <= 65536),
            received_at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX delivery_received ON delivery (received_at)")
    op.execute("""
        CREATE TABLE security_event (
            security_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            code text NOT NULL,
            remote text NOT NULL,
            body_bytes int NOT NULL,
            body_sha256 text NOT NULL,
            received_at timestamptz NOT NULL
        )""")
