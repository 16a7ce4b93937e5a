"""When an approved batch may begin to be paid. Null: at once."""

from alembic import op

revision = "dispatcher_0015"
down_revision = "dispatcher_0014"

START_AT = "ALTER TABLE batch ADD COLUMN start_at timestamptz"


def upgrade() -> None:
    op.execute(START_AT)
