"""Whether a batch was approved while one person was enough; every report prints it."""

from alembic import op

revision = "reports_0002"
down_revision = "reports_0001"


def upgrade() -> None:
    # `python -m services rebuild reports` corrects batches that were read before this column
    op.execute("ALTER TABLE batch ADD COLUMN one_person boolean NOT NULL DEFAULT false")
