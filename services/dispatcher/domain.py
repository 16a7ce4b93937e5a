"""The money protocol as pure decisions: what an answer means, what follows, which observed status may be believed.

Nothing here knows the clock, the database or the network; the simulation runs this very code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Every wait of the protocol, in seconds (except counts). The defaults are for a provider whose delays are unknown."""

    timeout_s: float = 30.0
    resend_after_s: float = 300.0  # the first request may still run
    resend_until_s: float = 72_000.0  # 20 h: keys may be forgotten after a day
    grace_s: float = 1_800.0  # must exceed the longest delay of a request plus the lag of lists
    look_every_s: float = 60.0
    looks_needed: int = 3
    rekeys_max: int = 3
    later_s: float = 30.0
    closed_s: float = 60.0
    poll_s: float = 300.0  # between two readings of a payment that is under way
    watch_s: float = 21_600.0  # at most, of a payment that is paid and may still be returned
    watch_for_s: float = 6_480_000.0  # 75 days after it was paid
    quiet_s: float = 10.0  # without a change before a batch's statement is taken
    statement_again_s: float = 600.0
    statement_nightly_s: float = 86_400.0
    duplicates_every_s: float = 300.0

    @property
    def send_within_s(self) -> float:
        """How long after its claim a request may still go out: who was stopped longer may have been looked for and not found."""
        return min(self.timeout_s, self.grace_s / 2)


@dataclass(frozen=True)
class Answer:
    """What came back from one call. `status` None: nothing did (time-out, reset, unreadable)."""

    status: int | None
    data: Mapping[str, Any] | None = None
    sub_type: str = ""
    message: str = ""
    replayed: bool = False
    retry_after_s: float = 0.0
    request_id: str = ""
    date: datetime | None = None


class Verdict(StrEnum):
    """What an answer to a creating call means."""

    ACCEPTED = "accepted"  # it exists at the provider, as we asked
    REFUSED = "refused"  # it did not run and never will with this body
    SOURCE_REFUSED = (
        "source_refused"  # it did not run; the source account (or its holder) needs a person
    )
    NOT_FOUND = "not_found"  # it did not run; an account is unknown there: a person must look
    CLOSED = "closed"  # 429: it did not run; same key when the tier opens
    LATER = "later"  # it did not run; same key later
    LOCKED_OUT = "locked_out"  # 401/403: nothing runs; stop everything
    RESEND = "resend"  # unknown; the same key tells
    LOOK_UP = "look_up"  # unknown; only the provider's list tells
    MISMATCH = "mismatch"  # a 200, but not with what we asked: stop the source, look up


SOURCE = (
    "INVALID_SOURCE",
    "INSUFFICIENT_FUNDS",
    "INVALID_TEST_SOURCE",
    "MAX_DAILY_VOLUME",
    "MAX_REQUEST_LIMIT",
    "MAX_AMOUNT",
)
HOLDER = "INVALID_SOURCE_HOLDER"
ROW = (
    "INVALID_AMOUNT",
    "INVALID_DESTINATION",
    "INVALID_ACH_D",
    "INVALID_TRANSFER",
    "INVALID_TEST_DESTINATION",
    "MAX_PAYMENT_METADATA",
)


def classify(answer: Answer, expected: Mapping[str, Any], prefix: str) -> Verdict:
    """The class table: every answer has a meaning, and the default is *unknown*.

    Args:
        expected: what the provider's object must equal (amount, accounts, metadata).
        prefix: of the provider's id (`pmt_`, `ent_`, `acc_`, `evf_`).
    """
    status = answer.status
    if status is None:
        return Verdict.RESEND
    if status in (401, 403):
        return Verdict.LOCKED_OUT
    if status in (429, 503) and answer.replayed:
        return Verdict.LOOK_UP
    if status == 429:
        return Verdict.CLOSED
    if status == 503 and answer.sub_type == "IDEMPOTENCY_UNAVAILABLE":
        return Verdict.LATER
    if status == 200:
        return accepted(answer, expected, prefix)
    if status == 404:
        return Verdict.NOT_FOUND
    if status in (400, 422):
        return refused(answer.sub_type, prefix)
    return Verdict.LOOK_UP


def accepted(answer: Answer, expected: Mapping[str, Any], prefix: str) -> Verdict:
    """A 200 counts only with an id and with what we asked for; anything else is unknown, and something may have been accepted."""
    data = answer.data or {}
    equal = str(data.get("id", "")).startswith(prefix) and all(
        data.get(name) == value for name, value in expected.items()
    )
    return Verdict.ACCEPTED if equal else Verdict.MISMATCH


def refused(sub_type: str, prefix: str) -> Verdict:
    """A 400 or 422 did not run. Of a payment it must be known what it is about; an object's creation moves no money."""
    if prefix != "pmt_":
        return Verdict.LOOK_UP if sub_type == "DUPLICATE_ENTITY_DETAILS" else Verdict.REFUSED
    if sub_type.startswith(SOURCE):
        return Verdict.SOURCE_REFUSED
    if sub_type.startswith(ROW):
        return Verdict.REFUSED
    return Verdict.LOOK_UP


class Step(StrEnum):
    """What is to be done next with something that is under way."""

    NONE = ""
    RESEND = "resend"
    LOOK_UP = "lookup"


@dataclass(frozen=True)
class Next:
    """What follows: our status, the next step, when (seconds from now), and whether the source stops."""

    status: str
    step: Step = Step.NONE
    wait_s: float = 0.0
    stop_source: bool = False
    stop_all: bool = False
    attempt: str = "open"  # what becomes of the attempt: open, accepted, refused, absent


def after_call(verdict: Verdict, answer: Answer, timing: Timing) -> Next:
    """What follows an answer. Statuses are a payment's; for an object `pending` means ready and `unprocessed` means new."""
    match verdict:
        case Verdict.ACCEPTED:
            return Next("pending", attempt="accepted")
        case Verdict.REFUSED:
            return Next("failed", attempt="refused")
        case Verdict.SOURCE_REFUSED:
            return Next("unprocessed", stop_source=True, attempt="refused")
        case Verdict.NOT_FOUND:
            return Next("held", attempt="refused")
        case Verdict.CLOSED:
            return Next("sending", Step.RESEND, max(timing.closed_s, answer.retry_after_s))
        case Verdict.LATER:
            return Next("sending", Step.RESEND, max(timing.later_s, answer.retry_after_s))
        case Verdict.LOCKED_OUT:
            return Next("sending", Step.RESEND, timing.later_s, stop_all=True)
        case Verdict.RESEND:
            return Next("in_doubt", Step.RESEND, timing.resend_after_s)
        case Verdict.MISMATCH:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s, stop_source=True)
        case Verdict.LOOK_UP:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s)


def is_silence(answer: Answer) -> bool:
    """Whether an answer says that the provider is away rather than anything about what was asked."""
    return answer.status is None or answer.status >= 500


@dataclass(frozen=True)
class Found:
    """A provider object that carries our id in its metadata."""

    provider_id: str
    equal: bool  # the same money and accounts that the attempt froze


def after_look(
    found: Found | None,
    looks: int,
    attempts: int,
    answered_200: bool,
    cancelled: bool,
    timing: Timing,
) -> Next:
    """What follows a complete walk of the provider's list; `looks` counts this one, if nothing was found.

    Absent counts only when seen `looks_needed` times running; then the attempt did not happen, and only then may another begin.
    An attempt that was once answered with a 200 is never believed absent: what was accepted may stand there under another name.
    """
    if found is not None:
        return Next("pending", attempt="accepted") if found.equal else Next("held")
    if looks < timing.looks_needed:
        return Next("in_doubt", Step.LOOK_UP, timing.look_every_s)
    if answered_200:
        return Next("held")
    if cancelled:
        return Next("cancelled", attempt="absent")
    if attempts > timing.rekeys_max:
        return Next("held", attempt="absent")
    return Next("unprocessed", attempt="absent")


# --- the provider's statuses ---------------------------------------------------------------------------------------------

#: From each status of the provider those that may follow, skips included (a webhook or a poll can be missed).
REACHABLE: dict[str, frozenset[str]] = {
    "": frozenset(
        {
            "pending",
            "processing",
            "sent",
            "posted",
            "cashed",
            "settled",
            "failed",
            "canceled",
            "reversal_required",
            "reversal_processing",
            "reversed",
        }
    ),
    "pending": frozenset(
        {
            "processing",
            "sent",
            "posted",
            "cashed",
            "failed",
            "canceled",
            "reversal_required",
            "reversal_processing",
            "reversed",
            "settled",
        }
    ),
    "processing": frozenset(
        {
            "sent",
            "posted",
            "cashed",
            "failed",
            "reversal_required",
            "reversal_processing",
            "reversed",
            "settled",
        }
    ),
    "sent": frozenset(
        {
            "posted",
            "cashed",
            "failed",
            "reversal_required",
            "reversal_processing",
            "reversed",
            "settled",
        }
    ),
    "posted": frozenset(
        {"cashed", "failed", "reversal_required", "reversal_processing", "reversed", "settled"}
    ),
    "cashed": frozenset({"failed"}),
    "reversal_required": frozenset({"reversal_processing", "reversed", "settled"}),
    "reversal_processing": frozenset({"reversed", "settled"}),
    "settled": frozenset(),
    "failed": frozenset(),
    "canceled": frozenset(),
    "reversed": frozenset(),
}
PAID = frozenset(
    {"sent", "posted", "cashed", "settled", "reversal_required", "reversal_processing"}
)
RETURNING = frozenset({"reversal_required", "reversal_processing"})
ENDED_THERE = frozenset({"failed", "canceled", "reversed"})
FINAL = frozenset({"completed", "failed", "cancelled", "reversed"})


def our_status(current: str, provider_status: str) -> str:
    """The status shown for a provider's status; what was completed and comes back is `reversed`, never `failed`."""
    if provider_status in PAID:
        return "completed"
    if provider_status == "reversed":
        return "reversed"
    if provider_status in ("failed", "canceled"):
        return "reversed" if current == "completed" else "failed"
    return "pending"


def may_apply(stored: str, observed: str) -> bool:
    """Whether an observed status of the provider follows from the stored one."""
    return observed in REACHABLE[known(stored)]


def known(status: object) -> str:
    """A status of the provider, or "" for one that is not known here: then any may follow."""
    return status if isinstance(status, str) and status in REACHABLE else ""


def next_reading_s(
    status: str, provider_status: str, paid_s_ago: float, timing: Timing
) -> float | None:
    """When to read a payment again (seconds from now), None for never: what is paid is read ever more rarely, for 75 days."""
    if status in ("pending", "in_doubt"):
        return timing.poll_s
    if status != "completed" or provider_status == "settled":
        return None
    if provider_status in RETURNING:
        return timing.poll_s
    if paid_s_ago > timing.watch_for_s:
        return None
    return min(timing.watch_s, max(timing.poll_s, paid_s_ago / 2))


Line = Mapping[str, Any]


def of_payment(line: Line) -> str:
    """The payment of ours that a line of the provider's list names; "" if none."""
    metadata = line.get("metadata")
    return str(metadata.get("payment_id") or "") if isinstance(metadata, Mapping) else ""


def is_alive(line: Line) -> bool:
    """Whether a payment at the provider moves money, or may."""
    return line.get("status") not in ENDED_THERE


def choose_line(lines: Iterable[Line], payment_id: str, attempt: int, bound: str) -> Line | None:
    """The line a payment stands on: one that is alive, whichever attempt it is of; else what became of this attempt, or of the bound one.

    An earlier attempt that was believed absent may turn up late: then it is the payment, and there is no further attempt.
    """

    def rank(line: Line) -> int:
        this = str((line.get("metadata") or {}).get("attempt")) == str(attempt)
        return 3 * is_alive(line) + 2 * this + (str(line.get("id")) == bound)

    ours = [line for line in lines if of_payment(line) == payment_id]
    best = max(ours, key=rank, default=None)
    return best if best is not None and rank(best) > 0 else None


@dataclass(frozen=True)
class PaymentSnapshot:
    """A payment as it stands here."""

    status: str
    provider_id: str = ""


@dataclass(frozen=True)
class Duplicate:
    """A payment that is alive at the provider where it should not be.

    `bind` is the provider id to stand on from now on ("": as it is), `cancel` are those to be cancelled, `alive` all that were found.
    """

    payment_id: str
    bind: str
    cancel: tuple[str, ...]
    alive: tuple[str, ...]


def find_duplicates(lines: Iterable[Line], ours: Mapping[str, PaymentSnapshot]) -> list[Duplicate]:
    """Payments that are alive more than once in a provider's list, or once though they ended here, or though they are to be sent (again)."""
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        if of_payment(line) in ours:
            found.setdefault(of_payment(line), {})[str(line["id"])] = str(line.get("status"))
    made = [
        (_double(payment_id, statuses, ours[payment_id]), ours[payment_id])
        for payment_id, statuses in found.items()
    ]
    return [
        double
        for double, standing in made
        if double.bind
        or len(double.alive) > 1
        or (standing.status in FINAL and set(double.alive) - {standing.provider_id})
    ]


def _double(payment_id: str, statuses: Mapping[str, str], ours: PaymentSnapshot) -> Duplicate:
    """Which to stand on, and which to cancel: only what is still pending there can be. Whose outcome is open is left to the look-up."""
    alive = tuple(sorted(i for i, status in statuses.items() if status not in ENDED_THERE))
    pending = [i for i in alive if statuses[i] == "pending"]
    keep, unseen = ours.provider_id, bool(ours.provider_id) and ours.provider_id not in statuses
    if unseen or ours.status in ("sending", "in_doubt", "held"):
        return Duplicate(payment_id, "", (), alive)
    if (
        ours.status in ("unprocessed", "pending")
        and alive
        and (keep not in alive or keep in pending)
    ):
        gone_out = [i for i in alive if i not in pending]
        keep = min(gone_out) if gone_out else keep if keep in alive else min(alive)
    return Duplicate(
        payment_id,
        "" if keep == ours.provider_id else keep,
        tuple(i for i in pending if i != keep),
        alive,
    )


def choose_merchant(merchants: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """(merchant id, reason): the one student-loan merchant of an institution, or "" and why there is none to take."""
    loans = [
        m
        for m in merchants
        if {str(m.get("type", "")), *map(str, m.get("types") or ())}
        & {"student_loan", "student_loans"}
    ]
    lasting = [m for m in loans if not m.get("is_temp")] or loans
    if len(lasting) == 1:
        return str(lasting[0].get("id") or lasting[0].get("mch_id")), ""
    if lasting:
        return "", "several_merchants"
    return "", "no_merchant"


@dataclass(frozen=True)
class Bucket:
    """One tier of the limiter: `per_min` calls in any 60 s, handed out evenly after a short burst."""

    per_min: int
    free_at_s: float  # when the next call may be made, by the database's clock (seconds); in the past: some are free
    closed_until_s: float = 0.0

    @property
    def burst(self) -> int:
        """How many may go at once; what a window of 60 s can hold is burst + rate, never above `per_min`."""
        return max(1, self.per_min // 20)

    @property
    def interval_s(self) -> float:
        """Seconds between two calls. 3 % stay unused: calls that were spaced here may arrive closer together there."""
        return 60.0 / max(1.0, self.per_min * 0.97 - self.burst)


def grant(buckets: Iterable[Bucket], wanted: int, now_s: float) -> int:
    """How many of `wanted` calls every one of the buckets has room for now."""
    room = wanted
    for bucket in buckets:
        if bucket.closed_until_s > now_s:
            return 0
        start = max(bucket.free_at_s, now_s - bucket.burst * bucket.interval_s)
        room = min(room, int((now_s - start) / bucket.interval_s))
    return max(0, room)


def spend(bucket: Bucket, count: int, now_s: float) -> float:
    """The bucket's next `free_at_s` after `count` calls."""
    return (
        max(bucket.free_at_s, now_s - bucket.burst * bucket.interval_s) + count * bucket.interval_s
    )
