"""Payments are found by the provider's id, by the bank's trace ids, and by four digits of a loan.

Indexes leave out what is empty: a payment has no provider's id before it is sent.
"""

from alembic import op

revision = "reports_0006"
down_revision = "reports_0005"

INDEXES = (
    """
    CREATE INDEX payment_provider_id ON payment (lower(provider_payment_id) text_pattern_ops)
    WHERE provider_payment_id <> ''""",
    """
    CREATE INDEX payment_source_trace ON payment (lower(source_trace_id) text_pattern_ops)
    WHERE source_trace_id <> ''""",
    """
    CREATE INDEX payment_destination_trace ON payment (
        lower(destination_trace_id) text_pattern_ops)
    WHERE destination_trace_id <> ''""",
    "CREATE INDEX payment_last4 ON payment (loan_last4, approved_at)",
)


def upgrade() -> None:
    for statement in INDEXES:
        op.execute(statement)
