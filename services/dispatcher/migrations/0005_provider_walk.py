"""The provider's list as a witness of our own memory, and a limiter that survives a set clock."""

from alembic import op

revision = "dispatcher_0005"
down_revision = "dispatcher_0004"

# When people approved it. The provider's lists are read from two days before. NULL: not known.
APPROVED_AT = "ALTER TABLE payment ADD COLUMN approved_at timestamptz"

# Payments at the provider that name ours in their metadata, but of which this database knew no
# attempt. Each quarantines the database once; after its release it is known.
UNKNOWN = """
CREATE TABLE unknown_payment (
    provider_id text PRIMARY KEY,
    batch_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    attempt int NOT NULL,
    amount_cents bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now()
)"""

# For how long a tier was closed: it never stays closed longer, whatever the clock does.
CLOSED_FOR = "ALTER TABLE limiter ADD COLUMN closed_for_s float8 NOT NULL DEFAULT 3600"


def upgrade() -> None:
    for statement in (APPROVED_AT, UNKNOWN, CLOSED_FOR):
        op.execute(statement)
