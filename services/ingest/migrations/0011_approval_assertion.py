"""The gateway's signature of the call that approved a batch, beside the approval.

JSON, as it is published. Empty: approved before this revision.
"""

from alembic import op

revision = "ingest_0011"
down_revision = "ingest_0010"

ASSERTION = "ALTER TABLE approval ADD COLUMN assertion text NOT NULL DEFAULT ''"


def upgrade() -> None:
    op.execute(ASSERTION)
