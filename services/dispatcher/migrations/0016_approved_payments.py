"""What proves that the payments of a batch are those that were approved."""

from alembic import op

revision = "dispatcher_0016"
down_revision = "dispatcher_0015"

STATEMENTS = (
    # The part of the digest that is not of payments. Empty: the digest does not cover them.
    "ALTER TABLE batch ADD COLUMN contents_digest text NOT NULL DEFAULT ''",
    # The digest of the payments that were proved with `proved_digest`. `before`: they were begun
    # before payments were proved, and are those without an `approved_merchant_id`.
    "ALTER TABLE batch ADD COLUMN proved_payments text NOT NULL DEFAULT ''",
    # As it was approved; `merchant_id` is the one that is paid. Null: stored before this version.
    "ALTER TABLE payment ADD COLUMN approved_merchant_id text",
    """
    UPDATE batch
    SET proved_payments = 'before'
    WHERE proved_digest <> '' AND proved_digest = digest AND state_version > 0""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
