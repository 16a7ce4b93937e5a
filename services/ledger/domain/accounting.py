"""Journals as double entries of a company's general ledger: the mapping of accounts, and the lines.

Only money that moved is exported: `settle` and `reverse` journals, and correcting journals. A hold
or a release moves no money. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Literal, get_args

GlType = Literal["Assets", "Liabilities", "Equity", "Income", "Expenses"]
GL_TYPES: Final[tuple[GlType, ...]] = get_args(GlType)
#: Every account of the ledger has a line of the mapping, its own or that of its kind.
FALLBACKS: Final = ("source:*", "branch:*", "outside:provider")
#: No accounting system reads another character in an account or a cost centre in the same way.
GL_TEXT: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._:/&()-]{0,79}$"
COST_CENTRE: Final = r"^([A-Za-z0-9][A-Za-z0-9 ._:/&()-]{0,79})?$"


class MappingError(Exception):
    """A mapping with which no export could be made. The text says why."""


@dataclass(frozen=True, slots=True)
class MappingLine:
    """Where an account of the ledger, or all of a kind (`source:*`), goes.

    Args:
        account: `source:<id>`, `branch:<id>`, `outside:provider`, `source:*` or `branch:*`.
        gl_account: number or name in the company's general ledger.
        cost_centre: empty for a branch: the branch's own id.
    """

    account: str
    gl_account: str
    gl_type: GlType
    cost_centre: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    """What the journals of one day, batch and kind moved on one account, by side; cents >= 0."""

    day: date
    batch_id: str
    kind: str
    account: str
    debit_cents: int
    credit_cents: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a general ledger entry; either the debit or the credit is zero.

    Args:
        entry: the entry it belongs to, counted from 1 in its export; each adds up to zero.
        posting_date: in a period that no earlier export has closed.
        document_date: when the money moved, in UTC.
    """

    entry: int
    posting_date: str
    document_date: str
    batch_id: str
    kind: str
    gl_account: str
    gl_type: GlType
    cost_centre: str
    debit_cents: int
    credit_cents: int


def check_mapping(lines: Sequence[MappingLine]) -> None:
    """Refuse a mapping that has no place for an account, or two for one.

    Raises:
        MappingError
    """
    accounts = [line.account for line in lines]
    if missing := [account for account in FALLBACKS if account not in accounts]:
        raise MappingError(f"There is no line for {', '.join(missing)}.")
    if twice := sorted({account for account in accounts if accounts.count(account) > 1}):
        raise MappingError(f"There are two lines for {', '.join(twice)}.")
    types: dict[str, str] = {}
    names: dict[str, str] = {}
    for line in lines:
        if types.setdefault(line.gl_account, line.gl_type) != line.gl_type:
            raise MappingError(f"The account {line.gl_account} has two types.")
        name = account_name(line.gl_type, line.gl_account)
        if names.setdefault(name, line.gl_account) != line.gl_account:
            raise MappingError(
                f"The accounts {names[name]} and {line.gl_account} would be one in plain-text "
                "accounting. Write one of them differently."
            )


def account_name(gl_type: GlType, gl_account: str) -> str:
    """The account as beancount writes it: `Expenses:6100-Student-loans`."""
    parts = [re.sub(r"[^A-Za-z0-9-]", "-", part.strip()) for part in gl_account.split(":")]
    return ":".join([gl_type, *(part[:1].upper() + part[1:] for part in parts if part)])


def find_line(lines: Sequence[MappingLine], account: str) -> MappingLine:
    """The mapping's line for an account: its own, else that of its kind.

    Raises:
        MappingError: there is neither.
    """
    by_account = {line.account: line for line in lines}
    found = by_account.get(account) or by_account.get(f"{account.partition(':')[0]}:*")
    if found is None:
        raise MappingError(f"There is no line for {account}.")
    return found


def lines_of(
    postings: Iterable[Posting], mapping: Sequence[MappingLine], open_from: date | None
) -> list[Line]:
    """The entries of an export: one for each day, batch and kind of journal.

    Args:
        open_from: the first day that no earlier export has closed; what happened before is posted
            on that day. None: none is closed.

    Raises:
        MappingError: an account has no line.
    """

    def of_entry(posting: Posting) -> tuple[date, str, str]:
        return posting.day, posting.batch_id, posting.kind

    result: list[Line] = []
    for entry, (key, group) in enumerate(groupby(sorted(postings, key=of_entry), of_entry), 1):
        day, batch_id, kind = key
        posted_on = max(day, open_from) if open_from else day
        sums = _sums(group, mapping)
        assert sum(sums.values()) == 0, f"{key}: {sum(sums.values())} cents are left over"
        for (gl_account, gl_type, cost_centre, _), cents in sorted(sums.items()):
            result.append(
                Line(
                    entry=entry,
                    posting_date=posted_on.isoformat(),
                    document_date=day.isoformat(),
                    batch_id=batch_id,
                    kind=kind,
                    gl_account=gl_account,
                    gl_type=gl_type,
                    cost_centre=cost_centre,
                    debit_cents=max(cents, 0),
                    credit_cents=max(-cents, 0),
                )
            )
    return result


def _sums(
    postings: Iterable[Posting], mapping: Sequence[MappingLine]
) -> dict[tuple[str, GlType, str, str], int]:
    """Cents by account, type, cost centre and side; a debit is positive."""
    sums: dict[tuple[str, GlType, str, str], int] = {}
    for posting in postings:
        line = find_line(mapping, posting.account)
        kind, _, own_id = posting.account.partition(":")
        cost_centre = line.cost_centre or (own_id if kind == "branch" else "")
        for side, cents in (("debit", posting.debit_cents), ("credit", -posting.credit_cents)):
            if cents:
                key = (line.gl_account, line.gl_type, cost_centre, side)
                sums[key] = sums.get(key, 0) + cents
    return sums
