"""A dead letter keeps the signature of its message, so that it can be verified again."""

from alembic import op

revision = "dispatcher_0008"
down_revision = "dispatcher_0007"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letter ADD COLUMN signature bytea")
