"""Amendments: decisions before the approval that settle what is right about rows.

`mend`: an institution gets its merchant at the provider, a source account its EIN. `accept`: a
birth date, name or phone that differs from what the person was paid under last is the
person's own. `redirect`: another loan is paid in place of the row's (`domain.redirect`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.domain.decision import AmendingAct, Mend, Selection, rows_in_words
from services.ingest.domain.errors import RequestError

#: The code with which a row is refused whose birth date is another one than the accepted one.
OTHER_BIRTH_DATE: Final = "E_EMPLOYEE_OTHER_DOB"
#: What is compared, in the order in which it is named.
FIELDS: Final = ("birth date", "name", "phone")
#: So many people who are accepted fit into one message about the batch.
ACCEPTED_MAX: Final = 1_000
#: What can be mended, for people.
MENDED: Final = {"merchant": "institution's merchant", "ein": "source account's EIN"}


@dataclass(frozen=True)
class AmendedRow:
    """A row of an amendment.

    `known` is the blind index of the person that the row was compared with, or the id of the row
    that takes the place of another one; "" where none counts.
    `about` says what of the row is settled, where the act has several: `merchant` or `ein`; `from`
    or `to`.
    """

    file_row: int
    known: str = ""
    about: str = ""


@dataclass(frozen=True)
class Amendment:
    """An amendment of rows. One that was taken back has no numbers of rows any more.

    `change` says to people what is changed, `details` to the rules. The rest is as in `Decision`.
    """

    decision_id: UUID
    batch_id: UUID
    act: AmendingAct
    target: str
    change: str
    reason: str
    evidence: str
    seen_digest: str
    amended: tuple[AmendedRow, ...]
    rows: int
    amount_cents: int
    decided_by: str
    decided_at: datetime
    details: Mapping[str, str] = field(default_factory=dict)
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    at_approval: bool = False

    @property
    def file_rows(self) -> tuple[int, ...]:
        """The numbers of its rows."""
        return tuple(one.file_row for one in self.amended)


def check_acceptable(selection: Selection, found: Iterable[Any], missing: int) -> list[Any]:
    """The rows whose change is accepted: those found that differ from the known person.

    Args:
        found: rows with file_row, status, reason_code, differs (names of fields), is_accepted.
        missing: how many ids name no row of the batch.

    Raises:
        RequestError: a named row does not differ, its change is accepted already, or none is left.
    """
    rows = list(found)
    able = [one for one in rows if _is_acceptable(one)]
    if selection.row_ids and (missing or len(able) < len(rows)):
        wrong = [one.file_row for one in rows if not _is_acceptable(one)]
        which = rows_in_words(wrong) if wrong else "a row that is not of this batch"
        raise RequestError(
            "conflict",
            "decision.row",
            f"Nothing can be accepted of {which}: birth date, name and phone are those the person "
            "was paid under last, or the row is refused for something else. Nothing was changed.",
            "Leave it out.",
        )
    done = [one.file_row for one in able if one.is_accepted]
    fresh = [one for one in able if not one.is_accepted]
    if done and not fresh:
        raise RequestError(
            "conflict",
            "decision.already",
            f"The change of {rows_in_words(done)} is accepted already. Nothing was changed.",
            "Look at the decisions of the batch. If the person was paid under yet another one "
            "meanwhile, take the decision back first.",
            file_rows=done[:100],
        )
    if not fresh:
        raise RequestError(
            "conflict",
            "decision.no-rows",
            "No row was found whose birth date, name or phone is another one than that under which "
            "the person was paid last.",
            "Look at the rows and at the decisions of the batch.",
        )
    return fresh


def check_accepted_people(known: Iterable[str]) -> None:
    """Raise RequestError if more people of a batch were accepted than fit into one message."""
    number = len(set(known))
    if number > ACCEPTED_MAX:
        raise RequestError(
            "conflict",
            "decision.too-many",
            f"The changes of at most {ACCEPTED_MAX:,} people are accepted in a batch; these would "
            f"be {number:,}. Nothing was changed.",
            "So many changes at once are seldom right: compare the roster with its source.",
        )


def _is_acceptable(row: Any) -> bool:
    is_open = row.status != "refused" or row.reason_code == OTHER_BIRTH_DATE
    return bool(is_open and row.differs)


def accepted_in_words(rows: Iterable[Any]) -> str:
    """What is accepted, in one sentence without personal data: which fields, since which batch."""
    found = list(rows)
    fields = [name for name in FIELDS if any(name in one.differs for one in found)]
    batches = sorted({str(one.known_batch_id) for one in found})
    since = f"batch {batches[0]}" if len(batches) == 1 else f"{len(batches)} batches"
    return f"another {' and '.join(fields)} than in {since} is the person's own"


def check_mendable(mend: Mend, merchants: Mapping[str, str] | None) -> None:
    """Raise RequestError unless the provider was asked, and has no merchant for the institution.

    Args:
        merchants: the merchant of each institution, "" for none, as the last check found them;
            None if the provider could not be asked.
    """
    if merchants is None:
        raise RequestError(
            "conflict",
            "decision.not-checked",
            "The provider could not be asked about this batch, so nobody knows what is missing. "
            "Nothing was changed.",
            "Ask the provider again first.",
        )
    if merchants.get(mend.institution_id, "") or mend.institution_id not in merchants:
        raise RequestError(
            "conflict",
            "decision.not-missing",
            f"The provider names the merchant of {mend.institution_id}, or no row of this batch "
            "has this institution. Nothing was changed.",
            "Mend only what is missing; a wrong institution is corrected in the roster.",
        )


def check_mended_rows(mend: Mend, found: Iterable[Any]) -> list[Any]:
    """The rows that get the missing value.

    Raises:
        RequestError: there is none, or another value was chosen already.
    """
    rows = list(found)
    if not rows:
        raise RequestError(
            "conflict",
            "decision.no-rows",
            "No row of this batch that was not refused has it. Nothing was changed.",
            "Look at the rows of the batch.",
        )
    if any(one.is_mended for one in rows):
        raise RequestError(
            "conflict",
            "decision.already",
            f"The {MENDED[mend.about]} was mended already. Nothing was changed.",
            "Take that decision back first.",
        )
    return rows
