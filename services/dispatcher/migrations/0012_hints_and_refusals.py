"""Webhooks wait until a reading has answered them; rows and refusals are found by an index."""

from alembic import op

revision = "dispatcher_0012"
down_revision = "dispatcher_0011"

# A turn looks only through the newest: webhooks that name nothing of ours stay in the table.
HINT = "CREATE INDEX hint_fresh ON hint (at)"
# Read for every view of a batch; both were whole tables, with all that was ever paid.
ROWS = "CREATE INDEX batch_row_batch ON batch_row (batch_id)"
REFUSED = """
CREATE INDEX object_refusal ON object (object_id)
    WHERE status IN ('failed', 'held', 'inactive') OR refused_code <> ''"""


def upgrade() -> None:
    for statement in (HINT, ROWS, REFUSED):
        op.execute(statement)
