"""A dead letter keeps the signature of its message, so that it can be verified again."""

from alembic import op

revision = "webhooks_0002"
down_revision = "webhooks_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letter ADD COLUMN signature bytea")
