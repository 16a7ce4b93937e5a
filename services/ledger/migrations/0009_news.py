"""What is new is read every few seconds: a break says when it was found again, returns by time."""

from alembic import op

revision = "ledger_0009"
down_revision = "ledger_0008"

STATEMENTS = (
    # When a break that was closed was found again, most lately. NULL: it was never closed.
    "ALTER TABLE reconciliation_break ADD COLUMN reopened_at timestamptz",
    "CREATE INDEX journal_reversed ON journal (posted_at) WHERE kind = 'reverse'",
    "CREATE INDEX break_open ON reconciliation_break (batch_id) WHERE closed_at IS NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
