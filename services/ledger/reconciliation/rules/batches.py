"""Comparisons of a whole batch: what it declares, what its payments come to, lines and balances."""

from collections.abc import Mapping, Sequence

from libs.common.contracts.statuses import PROVIDER_ENDED_UNPAID
from services.ledger.domain.comparisons import (
    BalanceDifference,
    Finding,
    OutsideMoney,
    UnknownJournal,
    UnknownLine,
)
from services.ledger.domain.outcomes import Tally
from services.ledger.reconciliation.rules.payments import phase_of


def check_parts(
    name: str, expected: Mapping[str, Tally], found: Mapping[str, Tally]
) -> list[Finding]:
    """Comparison 1 by part: what the batch declares as payable against its payments.

    Args:
        name: the kind of part (`batch`, `source`, `branch`, `payments`).
        expected: what is declared, by part.
        found: what the payments come to, by part.
    """
    return [
        Finding(
            "rows",
            f"{name}:{part}",
            expected=tally_text(expected.get(part, Tally())),
            found=tally_text(found.get(part, Tally())),
        )
        for part in sorted(set(expected) | set(found))
        if expected.get(part, Tally()) != found.get(part, Tally())
    ]


def check_conservation(tallies: Mapping[str, Tally]) -> list[Finding]:
    """The equation of a certificate: `total` is the sum of all other outcomes."""
    total = tallies["total"]
    accounted = sum((tally for name, tally in tallies.items() if name != "total"), Tally())
    if accounted == total:
        return []
    return [Finding("rows", "total", expected=tally_text(total), found=tally_text(accounted))]


def tally_text(tally: Tally) -> str:
    """A tally for people, such as `3 rows, 938 cents`."""
    return f"{tally.rows} rows, {tally.amount_cents} cents"


def unknown_lines(lines: Sequence[UnknownLine]) -> list[Finding]:
    """Comparison 2: provider payments that name no approved payment of ours."""
    return [
        Finding(
            "missing_here" if line.stated_payment_id else "orphan",
            "",
            line.stated_payment_id,
            line.provider_payment_id,
            "an approved payment",
            f"{line.amount_cents} cents, {phase_of(line.provider_status)} at the provider",
            line.account,
            _outside(line),
        )
        for line in lines
    ]


def _outside(line: UnknownLine) -> tuple[OutsideMoney, ...]:
    """The money of a provider payment that is not ours; 0 once it ended unpaid."""
    is_alive = line.provider_status not in PROVIDER_ENDED_UNPAID
    return (OutsideMoney(line.provider_payment_id, line.amount_cents * is_alive),)


def shared_provider_payments(claims: Sequence[tuple[str, int]]) -> list[Finding]:
    """Comparison 2: provider payments that several of our payments claim."""
    return [
        Finding(
            "duplicate",
            "claimed",
            provider_payment_id=provider_payment_id,
            expected="one payment of ours",
            found=f"{count} claim it",
        )
        for provider_payment_id, count in claims
    ]


def unknown_journals(journals: Sequence[UnknownJournal]) -> list[Finding]:
    """Comparison 3: journals whose payment is not approved."""
    return [
        Finding(
            "journal",
            "of no payment",
            str(journal.payment_id),
            expected="an approved payment",
            found=f"{journal.kind} {journal.amount_cents} cents",
        )
        for journal in journals
    ]


def balance_differences(differences: Sequence[BalanceDifference]) -> list[Finding]:
    """Comparison 4: balances that are not the sums of their entries."""
    return [
        Finding(
            "balance",
            f"{d.account} {d.layer}",
            expected=f"{d.entry_cents} cents, {d.entry_rows} rows",
            found=f"{d.balance_cents} cents, {d.balance_rows} rows",
        )
        for d in differences
    ]


def unbalanced_layers(layers: Sequence[tuple[str, Tally]]) -> list[Finding]:
    """Comparison 4: layers in which the balances of the whole ledger do not sum to zero."""
    return [
        Finding(
            "balance",
            f"whole ledger {layer}",
            expected="0 cents",
            found=f"{left_over.amount_cents} cents, {left_over.rows} rows",
        )
        for layer, left_over in layers
    ]
