"""Pure comparisons of a reconciliation: values in, findings out. `reconcile.py` loads the values and keeps the result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from services.ledger.domain import JOURNALS

#: At the provider these move no money any more.
DEAD = frozenset({"failed", "canceled", "reversed"})
PAID = frozenset(
    {"sent", "posted", "cashed", "settled", "reversal_required", "reversal_processing"}
)
#: What the provider may say of a payment in each of our final states. In the others the provider may be ahead of us.
AT_PROVIDER = {
    "completed": PAID,
    "failed": frozenset({"failed", "canceled"}),
    "cancelled": frozenset({"failed", "canceled"}),
    "reversed": DEAD,
}
#: The states that cannot be without the provider's evidence.
NEED_LINE = frozenset({"pending", "completed", "reversed"})
UNPAID = ("unpayable", "refused", "excluded")
OUTCOMES = {
    "completed": "paid",
    "failed": "failed",
    "cancelled": "cancelled",
    "reversed": "reversed",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A typed difference; `subject` tells findings of one kind and payment apart."""

    kind: str
    subject: str = ""
    payment_id: str = ""
    provider_payment_id: str = ""
    expected: str = ""
    found: str = ""

    def break_id(self, batch_id: UUID) -> UUID:
        """The same difference has the same id in every run, so that its age can be told."""
        return uuid5(
            batch_id, "|".join((self.kind, self.payment_id, self.provider_payment_id, self.subject))
        )


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as the ledger knows it; `journals` is each kind's amount in cents, `rows_cents` the sum of its rows."""

    payment_id: UUID
    amount_cents: int
    row_count: int
    rows_cents: int
    rows_found: int
    status: str
    provider_payment_id: str
    source_routing: str
    source_last4: str
    employee_id: str
    person_index: str
    merchant_id: str
    loan_last4: str
    journals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A payment as the provider lists it."""

    provider_payment_id: str
    provider_status: str
    amount_cents: int
    source_routing: str
    source_last4: str
    employee_id: str
    person_index: str
    merchant_id: str
    loan_last4: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows and cents."""

    rows: int = 0
    amount_cents: int = 0


def check_payment(payment: Paid, lines: Sequence[Line]) -> list[Finding]:
    """Comparisons 1 to 3 of one payment: its rows, the provider's lines that name it, its journals."""
    return [*_check_rows(payment), *_check_lines(payment, lines), *_check_journals(payment)]


def _check_rows(payment: Paid) -> list[Finding]:
    expected, found = (
        (payment.row_count, payment.amount_cents),
        (payment.rows_found, payment.rows_cents),
    )
    if expected == found:
        return []
    return [
        Finding(
            "rows",
            "payment",
            str(payment.payment_id),
            "",
            f"{expected[0]} rows, {expected[1]} cents",
            f"{found[0]} rows, {found[1]} cents",
        )
    ]


def _check_lines(payment: Paid, lines: Sequence[Line]) -> list[Finding]:
    payment_id, ours = str(payment.payment_id), payment.provider_payment_id
    lines = list(
        {line.provider_payment_id: line for line in lines}.values()
    )  # a list that grows while it is walked may name one twice
    alive = [line for line in lines if line.provider_status not in DEAD]
    bound = next((line for line in lines if ours and line.provider_payment_id == ours), None)
    found: list[Finding] = []
    if len(alive) > 1:
        ids = ", ".join(sorted(line.provider_payment_id for line in alive))
        found.append(
            Finding("duplicate", "", payment_id, "", "one payment alive at the provider", ids)
        )
    if bound is None and (ours or payment.status in NEED_LINE):
        found.append(
            Finding(
                "missing_there",
                "",
                payment_id,
                ours,
                f"a payment at the provider ({payment.status} here)",
                "none",
            )
        )
    strays = [line for line in alive if line is not bound]
    if (
        strays and bound not in alive and payment.status in AT_PROVIDER
    ):  # money moves under an id that is not ours
        found.append(
            Finding(
                "status",
                "unbound",
                payment_id,
                strays[0].provider_payment_id,
                f"{payment.status} here, under {ours or 'no id'}",
                f"{strays[0].provider_status} at the provider",
            )
        )
    if bound is not None and bound.provider_status not in AT_PROVIDER.get(
        payment.status, {bound.provider_status}
    ):
        late = payment.status == "completed" and bound.provider_status in DEAD
        found.append(
            Finding(
                "late_return" if late else "status",
                "",
                payment_id,
                bound.provider_payment_id,
                f"{payment.status} here",
                f"{bound.provider_status} at the provider",
            )
        )
    for line in lines:
        if line is bound or line in alive:
            found += _check_money(payment, line)
    return found


def _check_money(payment: Paid, line: Line) -> list[Finding]:
    payment_id = str(payment.payment_id)
    found = []
    if line.amount_cents != payment.amount_cents:
        found.append(
            Finding(
                "amount",
                "",
                payment_id,
                line.provider_payment_id,
                f"{payment.amount_cents} cents",
                f"{line.amount_cents} cents",
            )
        )
    sides = (
        (
            "source",
            f"{payment.source_routing} …{payment.source_last4}",
            f"{line.source_routing} …{line.source_last4}",
        ),
        ("employee", payment.employee_id, line.employee_id),
        ("merchant", payment.merchant_id or line.merchant_id, line.merchant_id),
        ("loan", f"…{payment.loan_last4}", f"…{line.loan_last4}"),
    )
    found += [
        Finding("wrong_account", name, payment_id, line.provider_payment_id, a, b)
        for name, a, b in sides
        if a != b
    ]
    if (
        line.person_index != payment.person_index
    ):  # an index says nothing to a person, and is nobody else's business
        found.append(
            Finding(
                "wrong_account",
                "holder",
                payment_id,
                line.provider_payment_id,
                "the approved employee's name, birth date and phone",
                "others",
            )
        )
    return found


def _check_journals(payment: Paid) -> list[Finding]:
    expected: dict[str, int] = dict.fromkeys(
        JOURNALS.get(payment.status, ("hold",)), payment.amount_cents
    )
    if dict(payment.journals) == expected:
        return []
    return [
        Finding(
            "journal",
            "",
            str(payment.payment_id),
            "",
            _journals(expected),
            _journals(payment.journals),
        )
    ]


def _journals(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {cents} cents" for kind, cents in sorted(amounts.items())) or "none"


def check_parts(
    name: str, expected: Mapping[str, Tally], found: Mapping[str, Tally]
) -> list[Finding]:
    """Comparison 1, by part (the batch, its sources, its branches): what the batch declares payable against what its payments hold."""
    result = []
    for part in sorted(set(expected) | set(found)):
        a, b = expected.get(part, Tally()), found.get(part, Tally())
        if a != b:
            result.append(
                Finding(
                    "rows",
                    f"{name}:{part}",
                    "",
                    "",
                    f"{a.rows} rows, {a.amount_cents} cents",
                    f"{b.rows} rows, {b.amount_cents} cents",
                )
            )
    return result


def check_conservation(tallies: Mapping[str, Tally]) -> list[Finding]:
    """The equation of a certificate: `total` is the sum of all the other outcomes, in rows and in cents."""
    parts = [tally for name, tally in tallies.items() if name != "total"]
    accounted, total = (
        Tally(sum(t.rows for t in parts), sum(t.amount_cents for t in parts)),
        tallies["total"],
    )
    if accounted == total:
        return []
    return [
        Finding(
            "rows",
            "total",
            "",
            "",
            f"{total.rows} rows, {total.amount_cents} cents",
            f"{accounted.rows} rows, {accounted.amount_cents} cents",
        )
    ]


def outcome(tallies: Mapping[str, Tally]) -> str:
    """How a batch whose payments are all final has ended."""
    if tallies["cancelled"].rows:
        return "cancelled"
    return (
        "completed_with_failures"
        if tallies["failed"].rows or tallies["reversed"].rows
        else "completed"
    )


def digest(certificate: Mapping[str, object]) -> str:
    """`sha256:` of a certificate's canonical JSON (sorted keys, no spaces), without its own digest."""
    text = json.dumps(
        {name: value for name, value in certificate.items() if name != "digest"},
        sort_keys=True,
        separators=(",", ":"),
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
