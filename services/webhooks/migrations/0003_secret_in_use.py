"""Since when each secret is in use: the one before is accepted for an hour after that."""

from alembic import op

revision = "webhooks_0003"
down_revision = "webhooks_0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE secret_in_use (
            secret_digest text PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT now()
        )""")
