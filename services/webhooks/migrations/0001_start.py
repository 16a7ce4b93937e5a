"""Raw deliveries, refused ones, and the messaging tables."""

from alembic import op

from libs.common.testing.messaging_tables import MESSAGING

revision = "webhooks_0001"
down_revision = None
branch_labels = None
depends_on = None


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
