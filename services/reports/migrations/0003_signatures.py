"""A dead letter keeps the signature of its message, so that it can be verified again."""

from alembic import op

revision = "reports_0003"
down_revision = "reports_0002"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letter ADD COLUMN signature bytea")
