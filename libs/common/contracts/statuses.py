"""The statuses of batches, rows and payments, and what the provider's own statuses mean for us.

This is the only list of them. `docs/glossary.md` explains each word to people.
"""

from typing import Final, Literal, get_args

BatchStatus = Literal[
    "receiving",
    "reading",
    "checking",
    "ready",
    "approved",
    "paying",
    "paused",
    "completed",
    "completed_with_failures",
    "archived",
    "rejected",
    "discarded",
    "expired",
    "cancelled",
]
RowStatus = Literal["payable", "unpayable", "refused", "excluded"]
PaymentStatus = Literal[
    "unprocessed",
    "sending",
    "pending",
    "completed",
    "failed",
    "in_doubt",
    "held",
    "cancelled",
    "reversed",
]
#: What became of a row of the file. Each row has exactly one; they add up to the file.
RowOutcome = Literal[
    "paid", "pending", "failed", "cancelled", "reversed", "unpayable", "refused", "excluded"
]

BATCH_STATUSES: Final[tuple[BatchStatus, ...]] = get_args(BatchStatus)
PAYMENT_STATUSES: Final[tuple[PaymentStatus, ...]] = get_args(PaymentStatus)
OUTCOMES: Final[tuple[RowOutcome, ...]] = get_args(RowOutcome)

#: The ledger's certificate has ended these batches. Their figures are fixed until a payment is
#: returned.
CERTIFIED_BATCHES: Final = frozenset(
    {"completed", "completed_with_failures", "cancelled", "archived"}
)
#: Nothing of these batches was ever approved.
UNAPPROVED_BATCHES: Final = frozenset(
    {"receiving", "reading", "checking", "ready", "rejected", "discarded", "expired"}
)
#: A payment that ended. Only `completed` can still become something else: `reversed`.
FINAL_PAYMENTS: Final = frozenset({"completed", "failed", "cancelled", "reversed"})
#: The outcome of a payment's rows once it has ended; until then it is `pending`.
OUTCOME_OF_FINAL: Final[dict[str, RowOutcome]] = {
    "completed": "paid",
    "failed": "failed",
    "cancelled": "cancelled",
    "reversed": "reversed",
}
#: The reason code of a cancelled payment whose money has reached the loan by another way, as two
#: people decided. It is not paid by us, and its rows are never paid again.
PAID_ELSEWHERE: Final = "paid_by_other_means"
PAYMENT_TITLES: Final[dict[str, str]] = {
    "unprocessed": "Waiting to be sent",
    "sending": "Being sent",
    "pending": "Accepted by the provider",
    "completed": "Paid",
    "failed": "Failed",
    "in_doubt": "Outcome unknown, being looked up",
    "held": "Held for a person",
    "cancelled": "Cancelled before it was sent",
    "reversed": "Returned after it was paid",
}
PAID_ELSEWHERE_TITLE: Final = "Paid by other means, not by us"


def payment_title(status: str, reason_code: str) -> str:
    """Return the title of a payment's status for people."""
    if (status, reason_code) == ("cancelled", PAID_ELSEWHERE):
        return PAID_ELSEWHERE_TITLE
    return PAYMENT_TITLES[status]


# The provider's statuses (the provider's API reference, "Payment statuses").
#: The employer's money has left and the creditor is paid or about to be.
PROVIDER_PAID: Final = frozenset(
    {"sent", "posted", "cashed", "settled", "reversal_required", "reversal_processing"}
)
#: Paid, but the provider wants the money back from the employer.
PROVIDER_RETURN_UNDER_WAY: Final = frozenset({"reversal_required", "reversal_processing"})
#: At the provider these move no money any more.
PROVIDER_ENDED_UNPAID: Final = frozenset({"failed", "canceled", "reversed"})
