"""A statement names how many messages of its batch the dispatcher rejected."""

from alembic import op

revision = "ledger_0002"
down_revision = "ledger_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE statement_run ADD COLUMN dead_letters int NOT NULL DEFAULT 0")
