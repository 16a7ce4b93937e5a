"""Comparisons 1 to 3 of one payment: its rows, the provider's lines that name it, its journals."""

from collections.abc import Mapping, Sequence
from typing import Final

from libs.common.contracts.statuses import PROVIDER_ENDED_UNPAID, PROVIDER_PAID
from services.ledger.domain.acknowledgements import IDS_SEPARATOR
from services.ledger.domain.comparisons import (
    Finding,
    ListedPayment,
    OutsideMoney,
    RecordedPayment,
)
from services.ledger.domain.journals import journals_of_status

NEVER_PAID: Final = frozenset({"failed", "canceled"})
#: The provider's statuses that agree with each of our final ones. With the others any agrees,
#: because the provider may be ahead of us.
AGREEING_STATUSES: Final = {
    "completed": PROVIDER_PAID,
    "failed": NEVER_PAID,
    "cancelled": NEVER_PAID,
    "reversed": PROVIDER_ENDED_UNPAID,
}
#: Our statuses that are possible only with a payment at the provider.
NEEDS_PROVIDER_PAYMENT: Final = frozenset({"pending", "completed", "reversed"})


def check_payment(payment: RecordedPayment, lines: Sequence[ListedPayment]) -> list[Finding]:
    """Every difference of one payment.

    Args:
        payment: as the ledger has it.
        lines: the provider's lines that name it. A list that grows while it is read may contain a
            provider payment twice; the later line counts.
    """
    unique = list({line.provider_payment_id: line for line in lines}.values())
    return [
        *_check_rows(payment),
        *_check_lines(payment, unique),
        *_check_journals(payment),
    ]


def _check_rows(payment: RecordedPayment) -> list[Finding]:
    approved = f"{payment.row_count} rows, {payment.amount_cents} cents"
    stored = f"{payment.rows_found} rows, {payment.rows_cents} cents"
    if approved == stored:
        return []
    return [_finding("rows", payment, subject="payment", expected=approved, found=stored)]


def _check_lines(payment: RecordedPayment, lines: Sequence[ListedPayment]) -> list[Finding]:
    alive = [line for line in lines if line.provider_status not in PROVIDER_ENDED_UNPAID]
    bound = _bound_line(payment, lines)
    found = [
        *_check_duplicates(payment, bound, alive),
        *_check_missing(payment, bound),
        *_check_unbound(payment, bound, alive),
        *_check_status(payment, bound),
    ]
    for line in lines:
        if line is bound or line in alive:
            found += _check_money(payment, line, bound)
    return found


def _bound_line(payment: RecordedPayment, lines: Sequence[ListedPayment]) -> ListedPayment | None:
    """The line of the provider payment that our payment is bound to."""
    ours = payment.provider_payment_id
    return next((line for line in lines if ours and line.provider_payment_id == ours), None)


def _check_duplicates(
    payment: RecordedPayment, bound: ListedPayment | None, alive: Sequence[ListedPayment]
) -> list[Finding]:
    if len(alive) < 2:
        return []
    by_id = sorted(alive, key=lambda line: line.provider_payment_id)
    ours = bound if bound in alive else by_id[0]
    return [
        _finding(
            "duplicate",
            payment,
            expected="one live payment at the provider",
            found=IDS_SEPARATOR.join(line.provider_payment_id for line in by_id),
            outside=[line for line in by_id if line is not ours],
        )
    ]


def _check_missing(payment: RecordedPayment, bound: ListedPayment | None) -> list[Finding]:
    needed = payment.provider_payment_id or payment.status in NEEDS_PROVIDER_PAYMENT
    if bound is not None or not needed:
        return []
    return [
        _finding(
            "missing_there",
            payment,
            provider_payment_id=payment.provider_payment_id,
            expected=f"a payment at the provider ({payment.status} here)",
            found="none",
        )
    ]


def _check_unbound(
    payment: RecordedPayment, bound: ListedPayment | None, alive: Sequence[ListedPayment]
) -> list[Finding]:
    """A live provider payment under another id, while ours has ended and is bound to no live one.

    Money then moves under an id that is not ours.
    """
    unbound = [line for line in alive if line is not bound]
    if not unbound or bound in alive or payment.status not in AGREEING_STATUSES:
        return []
    return [
        _finding(
            "status",
            payment,
            subject="unbound",
            provider_payment_id=unbound[0].provider_payment_id,
            expected=f"{payment.status} here, under {payment.provider_payment_id or 'no id'}",
            found=f"{phase_of(unbound[0].provider_status)} at the provider",
            outside=unbound,
        )
    ]


def _check_status(payment: RecordedPayment, bound: ListedPayment | None) -> list[Finding]:
    if bound is None:
        return []
    theirs = bound.provider_status
    if theirs in AGREEING_STATUSES.get(payment.status, {theirs}):
        return []
    returned = payment.status == "completed" and theirs in PROVIDER_ENDED_UNPAID
    return [
        _finding(
            "late_return" if returned else "status",
            payment,
            provider_payment_id=bound.provider_payment_id,
            expected=f"{payment.status} here",
            found=f"{theirs} at the provider",
        )
    ]


def _check_money(
    payment: RecordedPayment, line: ListedPayment, bound: ListedPayment | None
) -> list[Finding]:
    """Differences of amount and of accounts.

    Of a line that our payment is not bound to, all the money is outside; others find that.
    """
    ours: dict[str, str] = {
        "source": f"{payment.source_routing} …{payment.source_last4}",
        "employee": payment.employee_id,
        "merchant": payment.merchant_id or line.merchant_id,  # may be unknown at approval
        "loan": f"…{payment.loan_last4}",
    }
    theirs = {
        "source": f"{line.source_routing} …{line.source_last4}",
        "employee": line.employee_id,
        "merchant": line.merchant_id,
        "loan": f"…{line.loan_last4}",
    }
    differences = [
        ("wrong_account", name, ours[name], theirs[name])
        for name in ours
        if ours[name] != theirs[name]
    ]
    if line.amount_cents != payment.amount_cents:
        amounts = f"{payment.amount_cents} cents", f"{line.amount_cents} cents"
        differences.insert(0, ("amount", "", *amounts))
    if line.person_index != payment.person_index:
        # The index means nothing to people, and must not be shown to them.
        expected = "the approved employee's name, birth date and phone"
        differences.append(("wrong_account", "holder", expected, "different ones"))
    return [
        _finding(
            kind,
            payment,
            subject=subject,
            provider_payment_id=line.provider_payment_id,
            expected=expected,
            found=found,
            outside=[line] if kind == "amount" and line is bound else (),
            less_cents=payment.amount_cents,
        )
        for kind, subject, expected, found in differences
    ]


def _check_journals(payment: RecordedPayment) -> list[Finding]:
    expected: dict[str, int] = dict.fromkeys(
        journals_of_status(payment.status), payment.amount_cents
    )
    if dict(payment.journals) == expected:
        return []
    return [
        _finding(
            "journal",
            payment,
            expected=_journals_text(expected),
            found=_journals_text(payment.journals),
        )
    ]


def _journals_text(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {cents} cents" for kind, cents in sorted(amounts.items())) or "none"


def phase_of(provider_status: str) -> str:
    """A provider's status as far as a break shows it: progress alone is no other break."""
    if provider_status in PROVIDER_PAID:
        return "paid"
    return provider_status if provider_status in PROVIDER_ENDED_UNPAID else "under way"


def _finding(
    kind: str,
    payment: RecordedPayment,
    *,
    subject: str = "",
    provider_payment_id: str = "",
    expected: str,
    found: str,
    outside: Sequence[ListedPayment] = (),
    less_cents: int = 0,
) -> Finding:
    """A finding about a payment.

    Args:
        outside: the lines whose money is outside of our payments, each `less_cents`.
    """
    return Finding(
        kind,
        subject,
        str(payment.payment_id),
        provider_payment_id,
        expected,
        found,
        f"source:{payment.source_account_id}",
        tuple(
            OutsideMoney(line.provider_payment_id, line.amount_cents - less_cents)
            for line in outside
        ),
    )
