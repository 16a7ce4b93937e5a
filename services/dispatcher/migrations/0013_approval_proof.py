"""What a batch's approval rests on, and whether the gateway's signature proves it."""

from alembic import op

revision = "dispatcher_0013"
down_revision = "dispatcher_0012"

BATCH = (
    "ALTER TABLE batch ADD COLUMN approved_by text NOT NULL DEFAULT ''",
    "ALTER TABLE batch ADD COLUMN approved_at timestamptz",
    "ALTER TABLE batch ADD COLUMN seen_digest text",
    # JSON, as ingest publishes it; empty: none.
    "ALTER TABLE batch ADD COLUMN approval text NOT NULL DEFAULT ''",
    # The digest whose approval was proved; it stays proved when the gateway's key is removed.
    "ALTER TABLE batch ADD COLUMN proved_digest text NOT NULL DEFAULT ''",
    # Why the batch is not paid; empty: nothing is wrong, or it was not looked at yet.
    "ALTER TABLE batch ADD COLUMN approval_problem text NOT NULL DEFAULT ''",
)


def upgrade() -> None:
    for statement in BATCH:
        op.execute(statement)
