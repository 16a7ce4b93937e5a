"""The digest of payments as messages announce them, for tests of sender and receiver."""

from collections.abc import Iterable
from uuid import UUID

from libs.common.contracts.approved_payments import ApprovedPayment, PayingSource, digest_payments
from libs.common.contracts.events.batches import Source
from libs.common.contracts.events.payments import PaymentApproved


def digest_of_messages(
    batch_id: UUID, sources: Iterable[Source], payments: Iterable[PaymentApproved]
) -> str:
    """The digest of a batch's payments, from its messages."""
    return digest_payments(
        batch_id,
        (
            PayingSource(one.source_account_id, one.ein, one.aba_routing, one.account_index)
            for one in sources
            if one.account
        ),
        (
            ApprovedPayment(
                payment_id=str(one.payment_id),
                amount_cents=one.amount_cents,
                source_account_id=one.source_account_id,
                account_index=one.account_index,
                employee_id=one.employee_id,
                person_index=one.person_index,
                institution_id=one.institution_id,
                merchant_id=one.merchant_id,
                loan_index=one.loan_index,
                rows=tuple((str(row.row_id), str(row.root_row_id)) for row in one.rows),
            )
            for one in payments
        ),
    )
