"""An attempt counts which of its sends were answered: a refusal of one says nothing of another."""

from alembic import op

revision = "dispatcher_0004"
down_revision = "dispatcher_0003"

# Sends that the provider has answered by saying that they did not run. What was sent before this
# column counts as not answered.
ANSWERED = "ALTER TABLE attempt ADD COLUMN answered int NOT NULL DEFAULT 0"


def upgrade() -> None:
    op.execute(ANSWERED)
