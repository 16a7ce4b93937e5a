"""The part of a batch's digest that is not of payments. Null: its parts are not known."""

from alembic import op

revision = "ingest_0018"
down_revision = "ingest_0017"

CONTENTS = """
ALTER TABLE batch
ADD COLUMN contents_digest text CHECK (contents_digest ~ '^sha256:[0-9a-f]{64}$')"""
# An approved batch keeps its digest (`batch_guard`), and both parts of it.
CONTENTS_NEVER_MOVED = """
CREATE TRIGGER approved_contents_guard BEFORE UPDATE ON batch FOR EACH ROW
WHEN (OLD.contents_digest IS DISTINCT FROM NEW.contents_digest)
EXECUTE FUNCTION approved_row_guard()"""


def upgrade() -> None:
    for statement in (CONTENTS, CONTENTS_NEVER_MOVED):
        op.execute(statement)
