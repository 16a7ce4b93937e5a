"""The money protocol: what an answer of the provider means, and what follows from it.

These functions are pure. They know no clock, no database and no network, so that the simulation
in the tests runs the very code that runs in production.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

#: So often a payment is tried under a new key, refusals included; then people decide.
ATTEMPTS_MAX = 50
#: An object with fewer attempts may be tried again after a refusal. One more try takes at most
#: twelve: three calls that make a person usable, each up to four times.
RETRIED_BELOW = ATTEMPTS_MAX - 12
#: Batches try it by themselves only below this, so that people still can when it was mended.
RETRIED_BY_BATCHES_BELOW = 12


@dataclass(frozen=True)
class Timing:
    """Every wait of the protocol, in seconds, except the counts.

    The defaults are for a provider whose delays are not known.
    """

    timeout_s: float = 30.0
    resend_after_s: float = 300.0  # until then the first request may still run
    resend_until_s: float = 72_000.0  # 20 h: the provider forgets keys after a day
    grace_s: float = 1_800.0  # longer than any delay of a request plus the lag of the lists
    lookup_every_s: float = 60.0
    lookups_needed: int = 3
    rekeys_max: int = 3
    later_s: float = 30.0
    closed_s: float = 60.0
    poll_s: float = 300.0  # between two readings of a payment that is under way
    watch_s: float = 21_600.0  # the longest time between two readings of a paid payment
    watch_for_s: float = 6_480_000.0  # 75 days: so long a paid payment may still come back
    quiet_s: float = 10.0  # without a change before a batch's statement is taken
    statement_again_s: float = 600.0
    statement_nightly_s: float = 86_400.0
    duplicates_every_s: float = 300.0

    @property
    def lease_s(self) -> float:
        """How long a worker owns an attempt that it sends."""
        return self.timeout_s + 2

    @property
    def longest_wait_s(self) -> float:
        """Longer than any wait of a payment or object for its next step.

        A stored time further ahead shows that the database's clock was set back since.
        """
        waits_s = (self.resend_after_s, self.grace_s, self.lookup_every_s, self.closed_s)
        return self.lease_s + max(waits_s) + 60

    @property
    def longest_reading_s(self) -> float:
        """Longer than any time between two readings of a payment."""
        return max(self.poll_s, self.watch_s) + 60

    @property
    def send_within_s(self) -> float:
        """How long after its intent a request may still go out.

        A process that was stopped for longer must not send it: meanwhile another one may have
        looked the attempt up, found nothing and written a new one.
        """
        return min(self.timeout_s, self.grace_s / 2)


@dataclass(frozen=True)
class Answer:
    """What came back from one call. `status` is None if nothing did: a time-out or a reset."""

    status: int | None
    data: Mapping[str, Any] | None = None
    sub_type: str = ""
    message: str = ""
    replayed: bool = False
    retry_after_s: float = 0.0
    request_id: str = ""
    date: datetime | None = None


class Verdict(StrEnum):
    """What an answer to a creating call means. The values are published as reason codes."""

    ACCEPTED = "accepted"  # it exists at the provider, as we asked
    REFUSED = "refused"  # it did not run and never will with this body
    SOURCE_REFUSED = "source_refused"  # did not run; the source account or holder needs a person
    NOT_FOUND = "not_found"  # did not run; the provider does not know an account
    RATE_LIMITED = "closed"  # did not run; same key when the tier opens again
    TRY_LATER = "later"  # did not run; same key later
    KEY_REFUSED = "locked_out"  # did not run, and nothing else will: everything stops
    NO_ANSWER = "resend"  # not known; the same key again will tell
    UNKNOWN = "look_up"  # not known; only the provider's list tells
    MISMATCH = "mismatch"  # a 200 that is not what we asked for: look up, stop the source


SOURCE_ERRORS = (
    "INVALID_SOURCE",
    "INSUFFICIENT_FUNDS",
    "INVALID_TEST_SOURCE",
    "MAX_DAILY_VOLUME",
    "MAX_REQUEST_LIMIT",
    "MAX_AMOUNT",
)
SOURCE_HOLDER_ERROR = "INVALID_SOURCE_HOLDER"
PAYMENT_ERRORS = (
    "INVALID_AMOUNT",
    "INVALID_DESTINATION",
    "INVALID_ACH_D",
    "INVALID_TRANSFER",
    "INVALID_TEST_DESTINATION",
    "MAX_PAYMENT_METADATA",
)


def classify(answer: Answer, expected: Mapping[str, Any], prefix: str) -> Verdict:
    """Say what an answer means. The table is complete, and its default is `UNKNOWN`.

    Args:
        expected: what the provider's object must equal (amount, accounts, metadata).
        prefix: of the provider's id (`pmt_`, `ent_`, `acc_`, `evf_`).
    """
    status = answer.status
    if status is None:
        return Verdict.NO_ANSWER
    if status in (401, 403):
        return Verdict.KEY_REFUSED
    if status in (429, 503) and answer.replayed:
        return Verdict.UNKNOWN
    if status == 429:
        return Verdict.RATE_LIMITED
    if status == 503 and answer.sub_type == "IDEMPOTENCY_UNAVAILABLE":
        return Verdict.TRY_LATER
    if status == 200:
        return classify_success(answer, expected, prefix)
    if status == 404:
        return Verdict.NOT_FOUND
    if status in (400, 422):
        return classify_refusal(answer.sub_type, prefix)
    return Verdict.UNKNOWN


def classify_success(answer: Answer, expected: Mapping[str, Any], prefix: str) -> Verdict:
    """Accept a 200 only with an id and with what we asked for.

    Any other 200 is a mismatch: the provider may have accepted something.
    """
    data = answer.data or {}
    equal = str(data.get("id", "")).startswith(prefix) and all(
        data.get(name) == value for name, value in expected.items()
    )
    return Verdict.ACCEPTED if equal else Verdict.MISMATCH


def classify_refusal(sub_type: str, prefix: str) -> Verdict:
    """Say what a 400 or 422 is about.

    Of a payment it must be known what was refused. Creating an entity or account moves no money.
    """
    if prefix != "pmt_":
        return Verdict.UNKNOWN if sub_type == "DUPLICATE_ENTITY_DETAILS" else Verdict.REFUSED
    if sub_type.startswith(SOURCE_ERRORS):
        return Verdict.SOURCE_REFUSED
    if sub_type.startswith(PAYMENT_ERRORS):
        return Verdict.REFUSED
    return Verdict.UNKNOWN


class Step(StrEnum):
    """The next step of an attempt that has not ended."""

    NONE = ""
    RESEND = "resend"
    LOOK_UP = "lookup"


@dataclass(frozen=True)
class Next:
    """What follows: our status, the next step and when, and what must stop.

    `wait_s` is seconds from now. `attempt` is the attempt's outcome: open, accepted, refused or
    absent.
    """

    status: str
    step: Step = Step.NONE
    wait_s: float = 0.0
    stop_source: bool = False
    stop_all: bool = False
    attempt: str = "open"


#: Verdicts that say: this send did not run. They say nothing about an earlier one.
DID_NOT_RUN = frozenset(
    {
        Verdict.REFUSED,
        Verdict.SOURCE_REFUSED,
        Verdict.NOT_FOUND,
        Verdict.RATE_LIMITED,
        Verdict.TRY_LATER,
        Verdict.KEY_REFUSED,
    }
)


def after_call(verdict: Verdict, answer: Answer, timing: Timing, unanswered_sends: int = 0) -> Next:
    """Say what follows an answer.

    The statuses are a payment's. Of a provider object `pending` means that it exists, and
    `unprocessed` that it is to be created.

    Args:
        unanswered_sends: earlier sends of the same attempt of which it is not known whether they
            ran. While there are any, a refusal leaves the attempt in doubt.
    """
    following = _after_only_send(verdict, answer, timing)
    if unanswered_sends == 0 or verdict not in DID_NOT_RUN:
        return following
    if following.attempt == "open":
        return replace(following, status="in_doubt")
    return Next("in_doubt", Step.LOOK_UP, timing.grace_s, stop_source=following.stop_source)


def _after_only_send(verdict: Verdict, answer: Answer, timing: Timing) -> Next:
    """Say what follows the answer to an attempt's first send, or when all before were answered."""
    # A longer wait would look like a database's clock that was set back.
    asked_s = min(answer.retry_after_s, timing.longest_wait_s)
    match verdict:
        case Verdict.ACCEPTED:
            return Next("pending", attempt="accepted")
        case Verdict.REFUSED:
            return Next("failed", attempt="refused")
        case Verdict.SOURCE_REFUSED:
            return Next("unprocessed", stop_source=True, attempt="refused")
        case Verdict.NOT_FOUND:
            return Next("held", attempt="refused")
        case Verdict.RATE_LIMITED:
            return Next("sending", Step.RESEND, max(timing.closed_s, asked_s))
        case Verdict.TRY_LATER:
            return Next("sending", Step.RESEND, max(timing.later_s, asked_s))
        case Verdict.KEY_REFUSED:
            return Next("sending", Step.RESEND, timing.later_s, stop_all=True)
        case Verdict.NO_ANSWER:
            return Next("in_doubt", Step.RESEND, timing.resend_after_s)
        case Verdict.MISMATCH:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s, stop_source=True)
        case Verdict.UNKNOWN:
            return Next("in_doubt", Step.LOOK_UP, timing.grace_s)


def is_outage(answer: Answer) -> bool:
    """Whether an answer shows that the provider is unavailable, not that it judged the request."""
    return answer.status is None or answer.status >= 500


@dataclass(frozen=True)
class Found:
    """A provider object that carries our id in its metadata.

    `equal`: it has the same amount and accounts as the frozen attempt.
    """

    provider_id: str
    equal: bool


def after_lookup(
    found: Found | None,
    lookups: int,
    absent: int,
    may_exist: bool,
    cancelled: bool,
    timing: Timing,
) -> Next:
    """Say what follows a complete walk of the provider's list.

    Absent counts only when it was seen `lookups_needed` times in a row. Then the attempt did not
    happen, and only then may another one begin. An attempt that was once answered with a 200 is
    never believed absent: what the provider accepted may be in its list under another id.

    Args:
        lookups: walks in a row that did not find it, this one included.
        absent: attempts that did not happen, the newest included if this walk shows it. A refused
            attempt does not count: it was no re-key.
        may_exist: whether an attempt was ever accepted, or the newest one answered with a 200.
        cancelled: whether the batch was cancelled.
    """
    if found is not None:
        return Next("pending", attempt="accepted") if found.equal else Next("held")
    if lookups < timing.lookups_needed:
        return Next("in_doubt", Step.LOOK_UP, timing.lookup_every_s)
    if may_exist:
        return Next("held")
    if cancelled:
        return Next("cancelled", attempt="absent")
    if absent > timing.rekeys_max:
        return Next("held", attempt="absent")
    return Next("unprocessed", attempt="absent")
