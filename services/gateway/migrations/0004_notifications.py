"""Notifications: the channels of people, what each is told, and every delivery.

Addresses and secrets are encrypted. The natural keys say each event once to each channel.
"""

from alembic import op

revision = "gateway_0004"
down_revision = "gateway_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE notification_channel (
            channel_id uuid PRIMARY KEY,
            person text NOT NULL,
            name text NOT NULL,
            service text NOT NULL,
            language text NOT NULL CHECK (language IN ('en', 'es')),
            place text NOT NULL,
            sealed_address text NOT NULL,
            sealed_secret text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            tested_at timestamptz,
            removed_at timestamptz,
            CHECK ((service = '') = (sealed_secret <> ''))
        )""")
    op.execute("CREATE INDEX notification_channel_person ON notification_channel (person)")
    op.execute("""
        CREATE TABLE notification_choice (
            channel_id uuid NOT NULL REFERENCES notification_channel (channel_id),
            kind text NOT NULL,
            PRIMARY KEY (channel_id, kind)
        )""")
    op.execute("""
        CREATE TABLE notification_event (
            event_id uuid PRIMARY KEY,
            kind text NOT NULL,
            subject text NOT NULL,
            occurrence text NOT NULL,
            figures jsonb NOT NULL,
            path text NOT NULL,
            noticed_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (kind, subject, occurrence)
        )""")
    op.execute("""
        CREATE TABLE notification_delivery (
            seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            delivery_id uuid PRIMARY KEY,
            event_id uuid NOT NULL REFERENCES notification_event (event_id),
            channel_id uuid NOT NULL REFERENCES notification_channel (channel_id),
            status text NOT NULL DEFAULT 'waiting'
                CHECK (status IN ('waiting', 'sent', 'failed', 'dropped')),
            attempts int NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL DEFAULT now(),
            reason text NOT NULL DEFAULT '',
            changed_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (event_id, channel_id)
        )""")
    op.execute("""
        CREATE INDEX notification_due ON notification_delivery (channel_id, due_at)
        WHERE status = 'waiting'""")
    op.execute("""
        CREATE INDEX notification_failed ON notification_delivery (changed_at)
        WHERE status = 'failed'""")
