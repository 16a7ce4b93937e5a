"""Files of mended rows: each is read into a child of the batch whose refused rows it mends.

A batch with a parent has no `content_sha256`, and older versions of the service rely on that. So
what is known of such a file stands in a table of its own.
"""

from alembic import op

revision = "ingest_0014"
down_revision = "ingest_0013"

# `content_sha256`: of the file's inflated bytes.
MENDED_FILE = """
CREATE TABLE mended_file (
    batch_id uuid PRIMARY KEY REFERENCES batch,
    content_sha256 text NOT NULL CHECK (content_sha256 ~ '^[0-9a-f]{64}$')
)"""
MENDED_FILE_CONTENT = "CREATE INDEX mended_file_content ON mended_file (content_sha256)"
PARENT = "CREATE INDEX batch_parent ON batch (parent_batch_id) WHERE parent_batch_id IS NOT NULL"
KEPT = """
CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON mended_file
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"""


def upgrade() -> None:
    for statement in (MENDED_FILE, MENDED_FILE_CONTENT, PARENT, KEPT):
        op.execute(statement)
