"""What a bank refused after the provider had accepted it: a few of them stop the source account."""

from alembic import op

revision = "dispatcher_0007"
down_revision = "dispatcher_0006"

# Until a person resumes the source.
REFUSAL = """
CREATE TABLE source_refusal (
    account_index text NOT NULL,
    payment_id uuid NOT NULL,
    code text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_index, payment_id)
)"""


def upgrade() -> None:
    op.execute(REFUSAL)
