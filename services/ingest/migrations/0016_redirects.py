"""A loan is redirected: a row takes the place of another one of its batch.

`redirect_of` is the number of the row whose place it takes, 0 for a row of the file; it never
changes. Both rows are of one
file row (`root_row_id`), so at most one of them is in a live payment.
"""

from alembic import op

revision = "ingest_0016"
down_revision = "ingest_0015"

STATEMENTS = (
    """
    ALTER TABLE batch_row ADD COLUMN redirect_of int NOT NULL DEFAULT 0
    CHECK (redirect_of BETWEEN 0 AND file_row - 1)""",
    """
    CREATE INDEX batch_row_redirect ON batch_row (batch_id, redirect_of)
    WHERE redirect_of > 0""",
    """
    CREATE TRIGGER refuse_redirecting BEFORE UPDATE ON batch_row FOR EACH ROW
    WHEN (OLD.redirect_of <> NEW.redirect_of)
    EXECUTE FUNCTION refuse_rewriting()""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
