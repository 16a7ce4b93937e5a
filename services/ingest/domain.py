"""Rules about a batch as a whole: its states, its pay period, its digest, what may be corrected and who may approve. Pure."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.money import display
from services.ingest.roster import field_parsers
from services.ingest.roster.us_geography import STATE_BY_ZIP_PREFIX, zip_is_in

PERIOD_DAYS: Final = 14
PERIOD_AHEAD_DAYS: Final = 366
NOT_LIVE: Final = ("rejected", "discarded", "expired", "cancelled")
DISCARDABLE: Final = ("checking", "ready", "rejected")
RUNNING: Final = ("approved", "paying", "paused")
APPROVED: Final = (*RUNNING, "completed", "completed_with_failures", "archived", "cancelled")
CORRECTABLE: Final = {
    "line1": field_parsers.name,
    "city": field_parsers.name,
    "state": field_parsers.state,
    "zip": field_parsers.zip_code,
}
#: What a state or a zip may hide: these warnings are judged again when an address is corrected.
ADDRESS_WARNINGS: Final = ("W_ZIP_STATE", "W_ZIP_UNKNOWN", "W_STATE_CASE")
NOT_CHECKED: Final = "W_NOT_CHECKED"
NOT_CHECKED_SENTENCE: Final = "The provider could not be asked about this batch; what it cannot pay will fail later, with its reason."
OVERLAP: Final = "W_OVERLAP"


class Refused(PaydownError):
    """An act that is not done; nothing has changed. `kind` says what is wrong with it, `more` goes into the answer."""

    def __init__(
        self,
        kind: Literal["unknown", "forbidden", "conflict", "invalid"],
        code: str,
        message: str,
        action: str,
        **more: Any,
    ) -> None:
        super().__init__(message, code)
        self.kind, self.action, self.more = kind, action, more


@dataclass(frozen=True)
class Batch:
    """One batch as stored. Times are aware; `digest` is None before `ready`."""

    batch_id: UUID
    family_id: UUID
    parent_batch_id: UUID | None
    status: str
    version: int
    revision: int
    filename: str
    period: date
    uploaded_by: str
    uploaded_at: datetime
    digest: str | None = None
    row_messages: int = 0
    reason: str = ""
    error_code: str | None = None
    error_message: str = ""
    error_line: int | None = None
    dispatch_version: int = 0
    approved_by: str | None = None
    approved_at: datetime | None = None
    acknowledged: tuple[str, ...] = ()
    one_person: bool = False
    payments: int = 0
    payments_cents: int = 0
    content_sha256: str | None = None


@dataclass(frozen=True)
class Overlap:
    """What a batch has in common with a live batch of another family in the same pay period: rows of the same employee, loan and source account.

    `payable` are those of them that would be paid here. Rows and cents are counted in the batch that is warned, not in the other one.
    """

    batch_id: UUID
    status: str
    rows: int
    amount_cents: int
    payable_rows: int
    payable_cents: int


@dataclass(frozen=True)
class Include:
    """An excluded row the approver takes in all the same, and why."""

    row_id: UUID
    reason: str


@dataclass(frozen=True)
class Approval:
    """What an approver sends: the digest of what was seen, the warnings acknowledged, excluded rows taken in."""

    person: str
    digest: str
    acknowledge: frozenset[str] = frozenset()
    include: tuple[Include, ...] = ()


@dataclass(frozen=True)
class Correction:
    """One field of one payor's address, as it is and as it should be."""

    source_account_id: str
    field: str
    from_value: str
    to_value: str


def row_id(batch_id: UUID, file_row: int) -> UUID:
    """The id of a row."""
    return uuid5(batch_id, str(file_row))


def payment_id(batch_id: UUID, file_row: int) -> UUID:
    """The id of the payment whose lowest row is `file_row`."""
    return uuid5(batch_id, f"payment-{file_row}")


def period_of(day: date, anchor: date) -> date:
    """The first day of the 14-day pay period that holds `day`; `anchor` is the first day of any one of them."""
    return day - timedelta(days=(day - anchor).days % PERIOD_DAYS)


def period_named(text: str, today: date, anchor: date) -> date:
    """The pay period a person names by any date in it; today's, if none is named.

    Raises:
        Refused: not YYYY-MM-DD, or more than a year ahead.
    """
    if not text:
        return period_of(today, anchor)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(
            "invalid",
            "period.invalid",
            "The pay period is not a date.",
            "Name it by any date in it, as YYYY-MM-DD.",
        ) from None
    if day > today + timedelta(days=PERIOD_AHEAD_DAYS):
        raise Refused(
            "invalid",
            "period.too-far",
            "The pay period is more than a year ahead.",
            "Name a period within a year from today.",
        )
    try:
        return period_of(day, anchor)
    except OverflowError:
        raise Refused(
            "invalid",
            "period.invalid",
            "The pay period is not a date of this calendar.",
            "Give a date within a year.",
        ) from None


def offered(source_account_id: str, state: str, zip_code: str) -> Correction | None:
    """The correction offered for an address whose zip is not in its state: the state of the zip."""
    mended = STATE_BY_ZIP_PREFIX.get(zip_code[:3])
    if not state or mended is None or zip_is_in(zip_code, state):
        return None
    return Correction(source_account_id, "state", state, mended)


def address_is_consistent(state: str, zip_code: str) -> bool:
    """Whether nothing is to be warned about in an address any more."""
    return zip_is_in(zip_code, state)


def check_correction(correction: Correction) -> Correction:
    """The correction with its new value in the form that is stored.

    Raises:
        Refused: the field cannot be corrected, or the new value is not one.
    """
    read = CORRECTABLE.get(correction.field)
    if read is None:
        raise Refused(
            "invalid",
            "correction.field",
            f"Only {', '.join(CORRECTABLE)} of a payor's address can be corrected here.",
            "Discard the batch and upload a mended roster for anything else.",
        )
    parsed = read(correction.to_value)
    if parsed.value is None:
        raise Refused(
            "invalid",
            "correction.value",
            f"The new {correction.field} cannot be used.",
            "Name another value.",
            code_of_value=parsed.codes[0],
        )
    return Correction(
        correction.source_account_id, correction.field, correction.from_value, parsed.value
    )


def overlap_sentence(overlap: Overlap) -> str:
    """What an approver must know of an overlap, in words."""
    found = f"{_rows(overlap.rows, overlap.amount_cents)} also in batch {overlap.batch_id} of this pay period, which is {overlap.status.replace('_', ' ')}."
    if not overlap.payable_rows:
        return f"{found} None of them would be paid here."
    shown = (
        "All of them"
        if overlap.payable_rows == overlap.rows
        else f"{overlap.payable_rows:,} of them, {display(overlap.payable_cents)},"
    )
    return f"{found} {shown} would be paid here, unless the other batch pays them first."


def _rows(number: int, cents: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}, {display(cents)}, {'is' if number == 1 else 'are'}"


def check_approver(person: str, barred: Collection[str], one_person: bool) -> None:
    """Raise Refused if the approver had a hand in the batch or in one of its ancestors."""
    if not person:
        raise Refused(
            "forbidden", "approval.nobody", "An approval needs a person.", "Sign in as yourself."
        )
    if person in barred and not one_person:
        raise Refused(
            "forbidden",
            "approval.same-person",
            "Who uploaded, corrected or derived a batch, or one it comes from, cannot approve it.",
            "Ask another approver.",
        )


def check_approval(
    batch: Batch, approval: Approval, to_acknowledge: Sequence[str], payable: int
) -> None:
    """Raise Refused unless this approval fits the batch as it is now; `payable` counts what would be paid."""
    if batch.status != "ready":
        raise Refused(
            "conflict",
            "approval.not-ready",
            f"The batch is {batch.status.replace('_', ' ')}; only a ready batch can be approved.",
            "Look at the batch again.",
            batch_status=batch.status,
        )
    if batch.digest != approval.digest:
        raise Refused(
            "conflict",
            "approval.stale",
            "The batch has changed since it was looked at.",
            "Look at it again and approve what it is now.",
        )
    missing = [code for code in to_acknowledge if code not in approval.acknowledge]
    if missing:
        raise Refused(
            "conflict",
            "approval.unacknowledged",
            f"These warnings are not acknowledged: {', '.join(missing)}.",
            "Read them and name them in `acknowledge`.",
            missing=missing,
        )
    if not payable:
        raise Refused(
            "conflict",
            "approval.nothing-payable",
            "No row of this batch can be paid.",
            "Discard the batch.",
        )


@dataclass
class Digest:
    """The digest of what an approver sees: period, corrections, and every row with its outcome, money and destination."""

    period: date
    state: Any = field(default_factory=hashlib.sha256)  # hashlib names no type for it

    def __post_init__(self) -> None:
        self._add(["period", self.period.isoformat()])

    def _add(self, line: list[Any]) -> None:
        self.state.update(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        )

    def corrections(self, made: Iterable[Sequence[str]]) -> None:
        """The corrections, in the order they were made."""
        for correction in made:
            self._add(["correction", *correction])

    def rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Rows in the order of the file: ids, outcome, money, who is paid, from where, to where."""
        for row in rows:
            self._add(["row", *row])

    def text(self) -> str:
        """`sha256:` and 64 hex digits."""
        return f"sha256:{self.state.hexdigest()}"
