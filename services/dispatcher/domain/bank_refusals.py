"""Refusals of the employer's bank after the provider had accepted a payment. Pure."""

from collections.abc import Collection
from typing import Final

#: How many payments of a source account may end with a code before the account stops (the
#: provider's API reference, "Payment errors"). A bank that says *unauthorized* or *no such account*
#: will say it of every payment; funds may be back tomorrow.
REFUSALS_MAX: Final[dict[str, int]] = {
    "payment_unauthorized_source": 1,
    "payment_invalid_source_account": 1,
    "payment_insufficient_funds": 3,
}


def is_of_source(code: str) -> bool:
    """Whether a payment's reason code is the bank's refusal to debit the source account."""
    return code in REFUSALS_MAX


def find_stopping(codes: Collection[str]) -> str:
    """Return the code that stops a source account; "" if none does yet.

    Args:
        codes: of all its refused payments since a person last resumed it.
    """
    given = list(codes)
    reached = (code for code, most in REFUSALS_MAX.items() if given.count(code) >= most)
    return next(reached, "")
