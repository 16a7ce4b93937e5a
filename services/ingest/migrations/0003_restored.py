"""A database that came back from a backup is held until two people release it."""

from alembic import op

from libs.common.testing.messaging_tables import RESTORED, RESTORED_HELD

revision = "ingest_0003"
down_revision = "ingest_0002"


def upgrade() -> None:
    for statement in (RESTORED, RESTORED_HELD):
        op.execute(statement)
