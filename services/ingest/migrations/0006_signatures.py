"""A dead letter keeps the signature of its message, so that it can be verified again."""

from alembic import op

revision = "ingest_0006"
down_revision = "ingest_0005"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letter ADD COLUMN signature bytea")
