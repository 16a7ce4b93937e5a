"""A dead letter keeps the signature of its message, so that it can be verified again."""

from alembic import op

revision = "ledger_0005"
down_revision = "ledger_0004"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letter ADD COLUMN signature bytea")
