"""Merchants that people chose for an institution of one batch, where the provider lists none."""

from alembic import op

revision = "dispatcher_0014"
down_revision = "dispatcher_0013"

MENDED_MERCHANT = """
CREATE TABLE mended_merchant (
    batch_id uuid NOT NULL,
    institution_id text NOT NULL,
    merchant_id text NOT NULL CHECK (merchant_id <> ''),
    PRIMARY KEY (batch_id, institution_id)
)"""


def upgrade() -> None:
    op.execute(MENDED_MERCHANT)
