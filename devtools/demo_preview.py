"""The preview of a batch as the people of payroll read it.

How much can be paid as it is, how much after a correction that is on offer, and what cannot be
paid, by reason, each with its rows and money.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from libs.common.contracts.money import display

WIDTH = 84  # of a line before its figures
#: Reasons of a row itself. All others of an unpayable row are those of its source account.
OF_THE_ROW = {
    *("no_merchant", "several_merchants", "inactive_person", "inactive_loan"),
    *("refused_person", "refused_loan"),
}
EXPLAINED = {
    "no_merchant": (
        "the provider cannot pay this servicer; no other row waits for these. They are not paid, "
        "and payments.csv lists each"
    ),
    "several_merchants": "a person must choose one at the provider",
    "already_in_period": "another batch pays them in this period; they are not paid twice",
}


@dataclass
class Sum:
    """Rows and their money."""

    rows: int = 0
    cents: int = 0

    def add(self, cents: int) -> None:
        """One more row."""
        self.rows, self.cents = self.rows + 1, self.cents + cents


def lines(batch: Mapping[str, Any], not_payable: Iterable[Mapping[str, Any]]) -> list[str]:
    """The preview as lines.

    Args:
        batch: a batch as the API shows it, ready to be approved.
        not_payable: all its rows that are not payable.
    """
    offered = defaultdict[str, list[Mapping[str, Any]]](list)
    for one in batch["corrections_offered"]:
        offered[one["source_account_id"]].append(one)
    correctable, refused = _sort(not_payable, set(offered))
    rows, cents = batch["rows"], batch["amount_cents"]
    file = f"preview of {batch['filename']}: {rows['total']:,} rows, {display(cents['total'])}"
    text = [
        f"{file}, pay period from {batch['period']}",
        _line("can be paid as it is", Sum(rows["payable"], cents["payable"])),
    ]
    if offered:
        text.append(_line("can be paid after a correction", _total(correctable.values())))
    for source in batch["sources"]:
        for one in offered.get(source["source_account_id"], ()):
            what = (
                f"{source['payor_name']}, account ****{source['account_last4']}: "
                f"{one['field']} {one['from']} -> {one['to']}"
            )
            text.append(_line(what, correctable[one["source_account_id"]], indent=4))
    text.append(_line("cannot be paid", _total(refused.values())))
    for (code, reason, institution), amount in sorted(refused.items()):
        text.append(_line(f"{reason.rstrip('.')}{institution}", amount, indent=4))
        if code in EXPLAINED:
            text.append(f"      ({EXPLAINED[code]})")
    text.append(
        f"  {len(batch['sources'])} source accounts, {len(batch['branches'])} branches; "
        f"digest {batch['digest'][:19]}…"
    )
    text += [
        f"  {issue['outcome']}: {issue['code']} x {issue['count']:,}: {issue['message']}"
        for issue in batch["issues"]
    ]
    return text


def _sort(
    rows: Iterable[Mapping[str, Any]], offered: set[str]
) -> tuple[dict[str, Sum], dict[tuple[str, str, str], Sum]]:
    """Rows that a correction mends, by source; the others by code, reason and institution."""
    correctable: dict[str, Sum] = defaultdict(Sum)
    refused: dict[tuple[str, str, str], Sum] = defaultdict(Sum)
    for row in rows:
        source, code = row["source_account_id"], row["reason_code"]
        if row["status"] == "unpayable" and code not in OF_THE_ROW and source in offered:
            correctable[source].add(row["amount_cents"])
            continue
        of_institution = code in ("no_merchant", "several_merchants")
        institution = f" ({row['institution_id']})" if of_institution else ""
        refused[code, row["reason"] or code, institution].add(row["amount_cents"])
    return correctable, refused


def _total(sums: Iterable[Sum]) -> Sum:
    total = Sum()
    for one in sums:
        total.rows, total.cents = total.rows + one.rows, total.cents + one.cents
    return total


def _line(what: str, amount: Sum, indent: int = 2) -> str:
    return (
        f"{' ' * indent}{what:<{WIDTH - indent}} {amount.rows:>9,} rows {display(amount.cents):>16}"
    )
