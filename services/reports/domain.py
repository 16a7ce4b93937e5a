"""The rules of reports: outcomes, when a report may be given, safe cells, live progress. Pure."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

OUTCOMES = (
    "paid",
    "pending",
    "failed",
    "cancelled",
    "reversed",
    "unpayable",
    "refused",
    "excluded",
)
PAYMENT_STATUSES = (
    "unprocessed",
    "sending",
    "pending",
    "completed",
    "failed",
    "in_doubt",
    "held",
    "cancelled",
    "reversed",
)
ENDED = frozenset({"completed", "failed", "cancelled", "reversed"})
CERTIFIED = frozenset({"completed", "completed_with_failures", "cancelled", "archived"})
#: Every other outcome must say why.
NEEDS_NO_REASON = frozenset({"paid", "pending", "cancelled"})
FORMULA_STARTS = frozenset("=+-@\t\r\n")
LINE_BREAKS = str.maketrans("\r\n", "  ")

Totals = Mapping[str, tuple[int, int]]  # outcome -> (rows, cents)


@dataclass(frozen=True)
class BatchSnapshot:
    """What one snapshot knows about a batch as a whole; `certificate` is the newest one's totals, None before the first."""

    status: str
    rows_announced: int
    row_messages_announced: int
    row_messages: int
    file_total: tuple[int, int]
    totals: Totals
    certificate: Totals | None
    dead_letters: int = 0


def why_not(standing: BatchSnapshot) -> tuple[str, str] | None:
    """(code, sentence) why no report can be given of this snapshot, None if it can.

    A report is complete (every announced row is there), adds up to the file, and for a final batch equals its certificate, with no
    message about it rejected here.
    """
    if standing.row_messages < standing.row_messages_announced:
        return (
            "reports.incomplete",
            f"{standing.row_messages} of {standing.row_messages_announced} row messages have arrived",
        )
    found = (
        sum(rows for rows, _ in standing.totals.values()),
        sum(cents for _, cents in standing.totals.values()),
    )
    if standing.row_messages_announced and found != standing.file_total:
        return (
            "reports.incomplete",
            f"the rows here are {_say(found)}, the file is {_say(standing.file_total)}",
        )
    if standing.certificate is None:
        return (
            ("reports.uncertified", "the batch is final, its certificate has not arrived")
            if standing.status in CERTIFIED
            else None
        )
    if standing.dead_letters:
        return (
            "reports.dead-letter",
            f"{standing.dead_letters} messages about it were rejected here and wait for a person",
        )
    for outcome in OUTCOMES:
        here, certified = (
            standing.totals.get(outcome, (0, 0)),
            standing.certificate.get(outcome, (0, 0)),
        )
        if here != certified:
            return (
                "reports.unequal",
                f"{outcome} is {_say(here)} here and {_say(certified)} in the newest certificate",
            )
    return None


def _say(total: tuple[int, int]) -> str:
    return f"{total[0]} rows of {total[1]} cents"


def control(one_person: bool, uploaded_by: str, approved_by: str) -> str:
    """Under which rule a batch was approved, in words, for every report; "" before its approval."""
    if not approved_by:
        return ""
    if not one_person:
        return f"two people: uploaded by {uploaded_by}, approved by {approved_by}"
    whose = (
        f"uploaded and approved by {approved_by}"
        if uploaded_by == approved_by
        else f"uploaded by {uploaded_by}, approved by {approved_by}"
    )
    return f"SINGLE CONTROL: the rule that another person approves was switched off; {whose}"


def cell(value: str) -> str:
    """A text as it may stand in a CSV: no spreadsheet takes it for a formula, and it stays on one line.

    A leading `= + - @`, tab or line break gets an apostrophe before it; line breaks inside become spaces; all else is kept.
    """
    safe = "'" + value if value[:1] in FORMULA_STARTS else value
    return (
        safe.translate(LINE_BREAKS) if "\n" in safe or "\r" in safe else safe
    )  # asked first: a report has a million cells


def reason(outcome: str, code: str, text: str) -> str:
    """The reason a line shows; never empty for an outcome that needs one."""
    if text or outcome in NEEDS_NO_REASON:
        return text
    return code or "no reason was recorded"


@dataclass
class Paid:
    """What the live view keeps of one payment: the newest version seen, whatever order they came in."""

    batch_id: UUID
    amount_cents: int = 0
    approved: bool = False
    version: int = 0
    status: str = "unprocessed"


@dataclass
class Run:
    """One batch in the live view: what was announced, and counts kept in step with its payments."""

    batch_version: int = 0
    status: str = ""
    announced: int = 0
    announced_cents: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cents: Counter[str] = field(default_factory=Counter)
    versions: int = 0
    as_of: datetime | None = None
    ended: deque[datetime] = field(default_factory=lambda: deque(maxlen=10_000))

    def seen(self, at: datetime) -> None:
        """Move `as_of` forward."""
        self.as_of = at if self.as_of is None else max(self.as_of, at)


class Progress:
    """Last writer wins by (payment_id, version), in memory; disposable, because it is read from the topics again at each start."""

    def __init__(self) -> None:
        self.payments: dict[UUID, Paid] = {}
        self.runs: dict[UUID, Run] = {}

    def on_batch(
        self, batch_id: UUID, version: int, status: str, payments: tuple[int, int], at: datetime
    ) -> None:
        """A batch as announced; an older version changes nothing. `payments` is (number, cents)."""
        run = self._run(batch_id)
        run.seen(at)
        if version > run.batch_version:
            run.batch_version, run.status, (run.announced, run.announced_cents) = (
                version,
                status,
                payments,
            )

    def on_approved(
        self, batch_id: UUID, payment_id: UUID, amount_cents: int, at: datetime
    ) -> None:
        """An approved payment; from now on it counts, under the newest status seen."""
        self._run(batch_id).seen(at)
        paid = self.payments.setdefault(payment_id, Paid(batch_id))
        if not paid.approved:
            paid.approved, paid.amount_cents = True, amount_cents
            self._count(paid, +1)

    def on_changed(
        self, batch_id: UUID, payment_id: UUID, change: tuple[int, str], at: datetime
    ) -> None:
        """A payment's (version, status); an older version changes nothing, one before the approval counts when that comes."""
        version, status = change
        run = self._run(batch_id)
        run.seen(at)
        paid = self.payments.setdefault(payment_id, Paid(batch_id))
        if version <= paid.version:
            return
        if status in ENDED and paid.status not in ENDED:
            run.ended.append(at)
        self._count(paid, -1)
        paid.version, paid.status = version, status
        self._count(paid, +1)

    def snapshot(self, batch_id: UUID, now: datetime) -> dict[str, Any]:
        """The batch as the live page shows it; all zero for one never heard of."""
        run = self.runs.get(batch_id, Run())
        recent = sum(at > now - timedelta(minutes=1) for at in run.ended)
        return shown(
            batch_id, run.status, run.versions + run.batch_version, run.as_of, recent
        ) | summed(
            {status: (run.counts[status], run.cents[status]) for status in PAYMENT_STATUSES},
            (run.announced, run.announced_cents),
        )

    def _run(self, batch_id: UUID) -> Run:
        return self.runs.setdefault(batch_id, Run())

    def _count(self, paid: Paid, sign: int) -> None:
        if paid.approved:
            run = self._run(paid.batch_id)
            run.counts[paid.status] += sign
            run.cents[paid.status] += sign * paid.amount_cents
            run.versions += sign * (paid.version + 1)


def shown(
    batch_id: UUID, status: str, version: int, as_of: datetime | None, ended_per_min: int
) -> dict[str, Any]:
    """The head of a live snapshot. `version` grows with every change, so a reader can drop an older snapshot."""
    return {
        "batch_id": str(batch_id),
        "status": status,
        "version": version,
        "as_of": instant(as_of) or None,
        "ended_per_min": ended_per_min,
    }


def summed(by_status: Totals, announced: tuple[int, int]) -> dict[str, dict[str, int]]:
    """`payments` and `payment_amount_cents` by status with their totals.

    Payments that the batch announced and that have not arrived here yet are unprocessed: nothing was done with them as far as
    anyone can see from here.
    """
    missing = [
        max(0, announced[part] - sum(pair[part] for pair in by_status.values())) for part in (0, 1)
    ]
    payments, cents = (
        {status: by_status.get(status, (0, 0))[part] for status in PAYMENT_STATUSES}
        for part in (0, 1)
    )
    payments["unprocessed"] += missing[0]
    cents["unprocessed"] += missing[1]
    return {
        "payments": {"total": sum(payments.values())} | payments,
        "payment_amount_cents": {"total": sum(cents.values())} | cents,
    }


@lru_cache(maxsize=1_024)  # most lines of a report share their times
def instant(at: datetime | None) -> str:
    """ISO-8601 in UTC with milliseconds, "" for None. The database connection speaks UTC."""
    return "" if at is None else at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
