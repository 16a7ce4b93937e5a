"""A statement names how many payments of its batch were alive twice and are not decided yet."""

from alembic import op

revision = "ledger_0004"
down_revision = "ledger_0003"


def upgrade() -> None:
    op.execute("ALTER TABLE statement_run ADD COLUMN undecided_duplicates int NOT NULL DEFAULT 0")
