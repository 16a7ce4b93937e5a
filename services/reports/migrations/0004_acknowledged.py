"""The differences that two people explained, as the certificate lists them."""

from alembic import op

revision = "reports_0004"
down_revision = "reports_0003"


def upgrade() -> None:
    op.execute("ALTER TABLE certificate ADD COLUMN acknowledged jsonb NOT NULL DEFAULT '[]'")
