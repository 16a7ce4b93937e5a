"""The choice of an institution's merchant at the provider."""

from collections.abc import Iterable, Mapping
from typing import Any

STUDENT_LOANS = {"student_loan", "student_loans"}


def check_merchant(merchant: Mapping[str, Any]) -> str:
    """Why a merchant that a person chose cannot be paid; "" if it can: the code of a reason."""
    kinds = {str(merchant.get("type", "")), *map(str, merchant.get("types") or ())}
    return "" if kinds & STUDENT_LOANS else "no_student_loan_merchant"


def choose_merchant(merchants: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Return (merchant id, reason): the only student-loan merchant of an institution.

    If there is none, or more than one, the id is "" and the reason says which.
    """
    loans = [
        m
        for m in merchants
        if {str(m.get("type", "")), *map(str, m.get("types") or ())} & STUDENT_LOANS
    ]
    lasting = [m for m in loans if not m.get("is_temp")] or loans
    if len(lasting) == 1:
        return str(lasting[0].get("id") or lasting[0].get("mch_id")), ""
    if lasting:
        return "", "several_merchants"
    return "", "no_merchant"
