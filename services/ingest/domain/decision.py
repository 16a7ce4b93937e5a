"""Decisions about rows of a batch before its approval: exclude rows, or include excluded ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from services.ingest.domain.batch import Batch, status_words
from services.ingest.domain.errors import RequestError

Act = Literal["exclude", "include"]
#: The acts that settle what is right about rows (`domain.amendment`).
AmendingAct = Literal["accept", "mend", "redirect"]
#: Why a rule excludes a row that an approver may include all the same.
PERIOD_CODES: Final = ("already_in_period", "same_person_in_period")
#: The reason code of a row that a person excluded.
EXCLUDED: Final = "excluded_by_person"
#: So many decisions fit into one message about the batch.
DECISIONS_MAX: Final = 1_000
#: The roles of which one is needed for each act, and to take it back.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "exclude": ("preparer", "approver"),
    "include": ("approver",),
    "accept": ("preparer", "approver"),
    "mend": ("preparer", "approver"),
    "redirect": ("preparer", "approver"),
}


@dataclass(frozen=True)
class Selection:
    """Which rows of a batch a decision is about: by id, of one person, or found by a filter.

    `filters` are those of the list of rows; `search` is what is searched for there.
    """

    row_ids: tuple[UUID, ...] = ()
    employee_id: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    search: str = ""

    @property
    def target(self) -> str:
        """What was named, for people. `{rows}` stands for the numbers of named rows.

        What was searched for is left out: it may be a name, and this goes to a topic.
        """
        if self.row_ids:
            return "{rows}"
        if self.employee_id:
            return f"employee {self.employee_id}"
        named = [f"{name} {value}" for name, value in self.filters]
        found = "rows that a search found" if self.search else "rows"
        return f"{found} with {', '.join(named)}" if named else found


@dataclass(frozen=True)
class Mend:
    """A value that is missing: an institution's merchant at the provider, or a source's EIN."""

    institution_id: str = ""
    merchant_id: str = ""
    source_account_id: str = ""
    ein: str = ""

    @property
    def about(self) -> str:
        """What is settled."""
        return "merchant" if self.institution_id else "ein"


@dataclass(frozen=True)
class Redirect:
    """The loan that is paid instead: its institution, and its number as it was entered."""

    institution_id: str
    loan: str


@dataclass(frozen=True)
class Wanted:
    """A decision as a person asks for it."""

    act: Act | AmendingAct
    selection: Selection
    reason: str
    evidence: str = ""
    mend: Mend | None = None
    redirect: Redirect | None = None


@dataclass(frozen=True)
class Decision:
    """A decision about rows. One that was taken back has no numbers of rows any more.

    `rows` and `amount_cents` are their count and sum, `seen_digest` the batch as the person saw it.
    `at_approval`: the approver included the rows in the act of approving.
    """

    decision_id: UUID
    batch_id: UUID
    act: Act
    target: str
    reason: str
    evidence: str
    seen_digest: str
    file_rows: tuple[int, ...]
    rows: int
    amount_cents: int
    decided_by: str
    decided_at: datetime
    at_approval: bool = False
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    change: str = ""


def decision_id(batch: Batch, name: str) -> UUID:
    """The id of a decision; `name` is unique among those at one revision of the batch."""
    return uuid5(batch.batch_id, f"decision-{batch.revision}-{name}")


def check_open(batch: Batch, seen_digest: str) -> None:
    """Raise RequestError unless people may decide about rows of the batch, as it was seen.

    Args:
        seen_digest: the digest of what the person saw; "" if they did not say.
    """
    if batch.status != "ready":
        approved = batch.approved_at is not None
        raise RequestError(
            "conflict",
            "decision.not-ready",
            f"The batch is {status_words(batch.status)}; people decide about rows of a ready batch "
            "only. Nothing was changed.",
            "It was approved as it is: cancel what is not sent yet, or hold the person for later "
            "batches."
            if approved
            else "Wait until it is ready.",
            batch_status=batch.status,
        )
    if seen_digest and seen_digest != batch.digest:
        raise RequestError(
            "conflict",
            "decision.stale",
            "The batch has changed since you looked at it. Nothing was changed.",
            "Look at it again.",
        )


def check_number(made: int, wanted: int) -> None:
    """Raise RequestError if a batch would have more decisions than fit into one message."""
    if made + wanted > DECISIONS_MAX:
        raise RequestError(
            "conflict",
            "decision.too-many",
            f"A batch has at most {DECISIONS_MAX:,} decisions, also those taken back; this one has "
            f"{made:,}. Nothing was changed.",
            "Decide about several rows at once, or upload a corrected roster.",
        )


def check_rows(wanted: Wanted, found: Iterable[Any], missing: int) -> list[Any]:
    """The rows that a decision is about: those found that the act can be applied to.

    Rows that have the same decision already are left out. Rows named by id must all be eligible.

    Args:
        found: rows with file_row, status, reason_code, decided_act ("" for none), amount_cents.
        missing: how many ids name no row of the batch.

    Raises:
        RequestError: a named row cannot be decided about so, a row has another decision, or no row
            is left.
    """
    rows = list(found)
    able = [one for one in rows if _is_eligible(wanted.act, one)]
    named = bool(wanted.selection.row_ids)
    if named and (missing or len(able) < len(rows)):
        wrong = [one.file_row for one in rows if not _is_eligible(wanted.act, one)]
        raise RequestError("conflict", "decision.row", *_wrong_rows(wanted.act, wrong))
    other = [one.file_row for one in able if one.decided_act not in ("", wanted.act)]
    if other:
        raise RequestError(
            "conflict",
            "decision.already",
            f"Another decision about {rows_in_words(other)} stands. Nothing was changed.",
            "Take that one back first.",
            file_rows=other[:100],
        )
    fresh = [one for one in able if not one.decided_act]
    if not fresh:
        raise RequestError(
            "conflict",
            "decision.no-rows",
            "There is no row to decide about: none was found, or it is decided already."
            if wanted.act == "exclude"
            else "No row was found that a rule excludes because it is paid elsewhere.",
            "Look at the rows and at the decisions of the batch.",
        )
    return fresh


def _is_eligible(act: str, row: Any) -> bool:
    if act == "exclude":
        return bool(row.status != "refused")
    is_excluded = row.status == "excluded" and row.reason_code in PERIOD_CODES
    return is_excluded or row.decided_act == "include"


def _wrong_rows(act: str, wrong: list[int]) -> tuple[str, str]:
    which = rows_in_words(wrong) if wrong else "a row that is not of this batch"
    if act == "exclude":
        able = "rows of this batch that were not refused"
        action = "Leave them out; refused rows are not paid anyway."
    else:
        able = "rows of this batch that are excluded because they are paid elsewhere"
        action = "Take back a person's decision, or lift a hold, instead."
    return f"Cannot {act} {which}: it can only be done with {able}. Nothing was changed.", action


def rows_in_words(file_rows: list[int]) -> str:
    """The numbers of rows as they are written in a sentence."""
    noun = "row" if len(file_rows) == 1 else "rows"
    return f"{noun} {to_ranges(file_rows[:20])}" + (" and others" if len(file_rows) > 20 else "")


def to_ranges(file_rows: Iterable[int]) -> str:
    """Numbers of rows as a short text: `1-3,7`."""
    ranges: list[list[int]] = []
    for number in sorted(set(file_rows)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)


def from_ranges(text: str) -> tuple[int, ...]:
    """The numbers of rows in a text that `to_ranges` made."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)
