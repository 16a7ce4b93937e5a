"""The digest that an approver saw, beside the digest of what they approved.

They differ if the approver included excluded rows. Null: approved before this revision, or nothing
was included.
"""

from alembic import op

revision = "ingest_0005"
down_revision = "ingest_0004"

SEEN_DIGEST = """
ALTER TABLE approval ADD COLUMN seen_digest text CHECK (seen_digest ~ '^sha256:[0-9a-f]{64}$')"""


def upgrade() -> None:
    op.execute(SEEN_DIGEST)
