"""Pages of payments are filled by half, so that more of a payment's statuses are written in place.

A status that changes no indexed column then writes no index. Pages that exist stay as they are.
"""

from alembic import op

revision = "reports_0008"
down_revision = "reports_0007"


def upgrade() -> None:
    op.execute("ALTER TABLE payment SET (fillfactor = 50)")
