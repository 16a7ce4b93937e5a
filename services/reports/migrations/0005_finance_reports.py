"""Reports for finance over dates and batches, kept as they were made.

Asked for again, a report has the same bytes: the files themselves are stored. Nothing personal is
in them.
"""

from alembic import op

revision = "reports_0005"
down_revision = "reports_0004"

FINANCE_REPORT = """
CREATE TABLE finance_report (
    report_id uuid PRIMARY KEY,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    manifest jsonb NOT NULL,
    csv bytea NOT NULL,
    xlsx bytea NOT NULL
)"""
INDEX = "CREATE INDEX finance_report_newest ON finance_report (made_at DESC, report_id)"


def upgrade() -> None:
    op.execute(FINANCE_REPORT)
    op.execute(INDEX)
