"""Two clocks that must agree: our own monotonic one, and the provider's `Date`.

What decides about money never rests on one clock alone. An absence is believed later rather than
earlier, a key is used for a shorter time rather than longer. Pure: clocks are read elsewhere.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DATE_TOLERANCE_S = 60.0  # a Date has whole seconds, and an answer may take half a minute
DATES_NEEDED = 3  # so many answers in a row are believed against what was known
STEP_S = 5.0  # our clocks never differ by more, unless one was set or the machine slept
OUR_CLOCK_TOLERANCE = timedelta(days=1)

# --- the provider's clock ----------------------------------------------------------------------


@dataclass(frozen=True)
class ProviderTime:
    """The provider's clock now. It is between two times while an answer contradicts the others."""

    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class SeenDate:
    """A `Date` of an answer, and our clock when it came (seconds since the machine's start)."""

    date: datetime
    boot_s: float

    def at(self, boot_s: float) -> datetime:
        """Return what this clock shows at another moment."""
        return self.date + timedelta(seconds=boot_s - self.boot_s)

    def step_to(self, later: "SeenDate") -> float:
        """Return by how many seconds a later Date is ahead of what this one lets us expect."""
        return (later.date - self.at(later.boot_s)).total_seconds()


@dataclass(frozen=True)
class DateTrack:
    """What the Dates of the answers tell. `base` is believed, `other` contradicts it so far."""

    base: SeenDate | None = None
    other: SeenDate | None = None
    agreeing: int = 0

    def observe(self, seen: SeenDate) -> tuple["DateTrack", float]:
        """Take one more Date in; return (the new track, by how many seconds the clock stepped).

        One answer that is days off changes nothing: three in a row must agree.
        """
        if self.base is not None and abs(self.base.step_to(seen)) <= DATE_TOLERANCE_S:
            return DateTrack(seen), 0.0
        confirms = self.other is not None and abs(self.other.step_to(seen)) <= DATE_TOLERANCE_S
        agreeing = self.agreeing + 1 if confirms else 1
        if agreeing < DATES_NEEDED:
            return replace(self, other=seen, agreeing=agreeing), 0.0
        return DateTrack(seen), 0.0 if self.base is None else self.base.step_to(seen)

    def at(self, boot_s: float) -> ProviderTime | None:
        """Return the provider's clock at a moment; None while it is not known."""
        if self.base is None:
            return None
        times = [seen.at(boot_s) for seen in (self.base, self.other) if seen is not None]
        return ProviderTime(min(times), max(times))


# --- our own clocks ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ClockSample:
    """Our clocks at one moment, in seconds.

    `process_s` stands still while the machine sleeps, `boot_s` does not. `wall_s` can be set.
    """

    process_s: float
    boot_s: float
    wall_s: float
    boot_id: str = ""


@dataclass(frozen=True)
class ClockStep:
    """Time passed over this process, or a clock was set, by so many seconds."""

    kind: str
    seconds: float


def find_step(before: ClockSample, now: ClockSample) -> ClockStep | None:
    """Compare two samples; None if all clocks went on alike."""
    passed_s = now.boot_s - before.boot_s
    slept_s = passed_s - (now.process_s - before.process_s)
    wall_step_s = (now.wall_s - before.wall_s) - passed_s
    if before.boot_id != now.boot_id:
        return ClockStep("another_boot", wall_step_s)
    if abs(slept_s) > STEP_S:
        return ClockStep("machine_slept", slept_s)
    return ClockStep("wall_clock", wall_step_s) if abs(wall_step_s) > STEP_S else None


# --- waits -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """One moment by both clocks. `generation` counts how often time passed over this process."""

    process_s: float
    boot_s: float
    provider: ProviderTime | None
    generation: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether the provider's clock is known, and no answer contradicts it."""
        return self.provider is not None and self.provider.earliest == self.provider.latest


def clarify(since: Moment, now: Moment) -> Moment:
    """Return an earlier moment with the provider's clock as it is believed now.

    At that moment the clock may not have been known, or one answer may have contradicted it by
    years. Without this, a wait from then would be over only years later. Nothing changes while the
    clock is in doubt now, or if time has passed over the process in between.
    """
    if now.provider is None or not now.is_sure or since.generation != now.generation:
        return since
    then = now.provider.earliest - timedelta(seconds=now.boot_s - since.boot_s)
    return replace(since, provider=ProviderTime(then, then))


def has_surely_passed(since: Moment, now: Moment, wait_s: float) -> bool:
    """Whether a wait is over by both clocks. For what must not be believed too early."""
    if wait_s <= 0:
        return True
    if since.provider is None or now.provider is None or since.generation != now.generation:
        return False
    provider_s = (now.provider.earliest - since.provider.latest).total_seconds()
    return now.process_s - since.process_s >= wait_s and provider_s >= wait_s


def may_be_forgotten(
    first_sent: datetime | None, since: Moment, now: Moment, until_s: float
) -> bool:
    """Whether the provider may have forgotten a key: either clock says so, or one is not known.

    Args:
        first_sent: the provider's clock before the first send; None if it was not known.
        since: when this process first saw the attempt.
        until_s: how long a key may be used.
    """
    if first_sent is None or now.provider is None:
        return True
    age_s = (now.provider.latest - first_sent).total_seconds()
    clock_went_back = age_s < -DATE_TOLERANCE_S
    return clock_went_back or age_s >= until_s or now.boot_s - since.boot_s >= until_s


def sure_age_s(our_s: float, created_at: datetime | None, now: Moment) -> float:
    """Return the age of a provider payment by the clock that makes it younger; 0 if one is not
    known.
    """
    if created_at is None or now.provider is None:
        return 0.0
    return max(0.0, min(our_s, (now.provider.earliest - created_at).total_seconds()))


def list_from(
    approved_at: datetime | None,
    first_sent: datetime | None,
    our_now: datetime,
    provider: ProviderTime | None,
) -> datetime | None:
    """Return from when on the provider's lists are read for a batch; None for everything.

    The approval was dated by our clock. It is believed only while our clock and the provider's
    agree to a day, and if it does not lie in the future: then a clock was wrong when it was made.

    Args:
        approved_at: None for payments of earlier versions; then the first send counts.
        first_sent: the provider's clock before the first send; None if there was none.
    """
    if approved_at is None:
        return first_sent
    if provider is None:
        return None
    apart = max(abs(our_now - provider.earliest), abs(our_now - provider.latest))
    if apart > OUR_CLOCK_TOLERANCE:
        return None
    if approved_at > provider.latest + OUR_CLOCK_TOLERANCE:
        return first_sent
    return approved_at if first_sent is None else min(approved_at, first_sent)
