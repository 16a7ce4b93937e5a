"""Redirecting a loan: another one is paid in its place, and it is closed. Pure."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from services.ingest.domain.batch import Batch
from services.ingest.domain.decision import Redirect, rows_in_words
from services.ingest.domain.errors import RequestError
from services.ingest.domain.hold import Hold
from services.ingest.roster import field_parsers
from services.ingest.roster.issue_codes import SENTENCES

FROM: Final = "from"  # what an amendment says about the rows whose place is taken
TO: Final = "to"  # and about those that take it
LOAN_NUMBER: Final = "Payee/LoanAccountNumber"
POSSIBLE_DUPLICATE: Final = "W_POSSIBLE_DUPLICATE"
#: Why a row whose loan is on hold may still be redirected: its new loan is not.
ON_HOLD: Final = "on_hold"


class NewLoan(NamedTuple):
    """A loan as a roster would name it, and the codes of what is unusual about its number."""

    institution_id: str
    number: str
    warnings: tuple[str, ...]


class RowIds(NamedTuple):
    """The ids of a row that takes the place of another one."""

    row_id: UUID
    payment_id: UUID


def ids_of(batch_id: UUID, file_row: int, loan_index: str) -> RowIds:
    """The ids of a row that takes the place of another one.

    They depend on its loan: other services keep the first loan of a row that they are told, and a
    restored database may give the same number to another redirection.
    """
    return RowIds(
        uuid5(batch_id, f"{file_row}-{loan_index}"),
        uuid5(batch_id, f"payment-{file_row}-{loan_index}"),
    )


def parse_loan(redirect: Redirect) -> NewLoan:
    """The loan that is paid from now on.

    Raises:
        RequestError: a roster with it would be refused.
    """
    institution = field_parsers.institution(redirect.institution_id.strip())
    number = field_parsers.loan_number(redirect.loan.strip())
    refused = [code for code in (*institution.codes, *number.codes) if code.startswith("E_")]
    if refused or institution.value is None or number.value is None:
        sentence = " ".join(SENTENCES[code] for code in refused)
        raise RequestError(
            "invalid",
            "decision.loan",
            f"This is no loan that can be paid: {sentence} Nothing was changed.",
            "Enter institution and number as the servicer's statement has them.",
        )
    return NewLoan(institution.value, number.value, number.codes)


def check_redirected(found: Iterable[Any], row_id: UUID) -> list[Any]:
    """The rows whose loan is redirected: all of the batch with this person and loan.

    Args:
        found: rows with row_id, file_row, status, reason_code, decided_act, is_redirected.

    Raises:
        RequestError: there is no such row, or not all of them can be redirected.
    """
    rows = list(found)
    wrong = [one.file_row for one in rows if not _is_open(one)]
    if wrong or row_id not in {one.row_id for one in rows}:
        which = rows_in_words(wrong) if wrong else "a row that is not of this batch"
        raise RequestError(
            "conflict",
            "decision.row",
            f"Cannot redirect the loan of {which}: it can only be done with rows that are paid, "
            "that the provider cannot pay, or whose loan is on hold, and about which no other "
            "decision stands. Nothing was changed.",
            "Look at the row; take another decision about it back first.",
        )
    return rows


def _is_open(row: Any) -> bool:
    is_open = row.status in ("payable", "unpayable") or row.reason_code == ON_HOLD
    has_keys = row.person_key and row.loan_key
    return bool(is_open and has_keys and not row.decided_act and not row.is_redirected)


def check_new_loan(old_key: str, new_key: str, others: Iterable[Any]) -> None:
    """Raise RequestError if the new loan is the old one, or is itself not paid any more.

    Several loans may become one: servicers merge them.

    Args:
        others: the rows of this person that have the new loan: file_row, is_redirected (away).
    """
    if new_key == old_key:
        raise RequestError(
            "conflict",
            "decision.no-change",
            "The row has this very loan. Nothing was changed.",
            "Enter the loan that is to be paid instead.",
        )
    away = [one.file_row for one in others if one.is_redirected]
    if away:
        raise RequestError(
            "conflict",
            "decision.loan-there",
            f"This loan is that of {rows_in_words(away)}, and is redirected to another one itself. "
            "Nothing was changed.",
            "Enter the loan that is paid there instead, or take that decision back first.",
        )


def warnings_of(loan: NewLoan, new: Any, others: Iterable[Any]) -> list[str]:
    """The codes of what a roster with this new row would be warned about.

    Args:
        new: person_key, loan_index, source_account_id, amount_cents.
        others: the same of the other rows of the batch that have this loan.
    """
    rows = list(others)
    found = {
        "W_LOAN_TWO_EMPLOYEES": any(one.person_key != new.person_key for one in rows),
        "W_LOAN_SPELLING": any(one.loan_index != new.loan_index for one in rows),
        POSSIBLE_DUPLICATE: any(_payment(one) == _payment(new) for one in rows),
    }
    return [*loan.warnings, *(code for code, is_found in found.items() if is_found)]


def _payment(row: Any) -> tuple[Any, ...]:
    return row.person_key, row.source_account_id, row.loan_index, row.amount_cents


def choose_published(rows: Iterable[Any], named: Collection[str]) -> list[Any]:
    """Of published rows that took the place of others, the one of each number.

    Two have one number if a restore lost the first one before the second one was made. That counts
    which a redirection that stands names, else the newest.

    Args:
        rows: with row_id, file_row, revision.
        named: the ids of rows that redirections name.
    """
    chosen: dict[int, Any] = {}
    for row in sorted(rows, key=lambda one: (str(one.row_id) in named, one.revision)):
        chosen[row.file_row] = row
    return [chosen[number] for number in sorted(chosen)]


def old_loan_hold(batch: Batch, old: Any, days: tuple[date, date | None], now: datetime) -> Hold:
    """A hold that closes a loan when its redirection is approved, on days without another hold.

    Its id depends on the moment: a restore may lose the approval and keep its hold, which somebody
    lifts, and the next approval needs one of its own.

    Args:
        old: decision_id, decided_by, reason, change, loan_key, institution_id, loan_last4.
        days: the first, and the last one; None: for good.
    """
    first, last = days
    return Hold(
        hold_id=uuid5(old.decision_id, f"hold-{old.loan_key}-{first}-{now.isoformat()}"),
        kind="loan",
        key=old.loan_key,
        shown=f"loan {old.institution_id} ending in {old.loan_last4}",
        first_day=first,
        last_day=last,
        reason=f"{old.change} (batch {batch.batch_id}): {old.reason}",
        evidence="",
        set_by=old.decided_by,
        set_at=now,
    )
