"""Whether a batch was approved while the rule that another person approves was off; it is printed on every report."""

from alembic import op

revision = "reports_0002"
down_revision = "reports_0001"


def upgrade() -> None:
    # batches read before this column are told right by `python -m services rebuild reports`
    op.execute("ALTER TABLE batch ADD COLUMN one_person boolean NOT NULL DEFAULT false")
