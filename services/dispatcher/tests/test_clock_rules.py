"""Two clocks that must agree: whatever one of them does, nothing is believed too early."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.clocks import (
    DATES_NEEDED,
    ClockSample,
    DateTrack,
    Moment,
    ProviderTime,
    SeenDate,
    clarify,
    find_step,
    has_surely_passed,
    list_from,
    may_be_forgotten,
    sure_age_s,
)
from services.dispatcher.provider.clocks import Clocks, Moments
from services.dispatcher.sending.worker import Call, send_in_time
from services.dispatcher.tests.memory_provider import MemoryProvider

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR_S, DAY_S = 3_600.0, 86_400.0
STEPS_S = st.floats(-48 * HOUR_S, 48 * HOUR_S)


def moment(process_s: float, provider_s: float, generation: int = 0) -> Moment:
    """A moment at which the provider's clock is so far after `NOW`."""
    date = NOW + timedelta(seconds=provider_s)
    return Moment(process_s, process_s, ProviderTime(date, date), generation)


def track(*seen: tuple[float, float]) -> DateTrack:
    """What (seconds of Date after `NOW`, seconds of our clock) tell."""
    found = DateTrack()
    for date_s, boot_s in seen:
        found, _ = found.observe(SeenDate(NOW + timedelta(seconds=date_s), boot_s))
    return found


@given(st.floats(0, 10 * HOUR_S), STEPS_S, st.floats(1, 10 * HOUR_S))
def test_a_wait_is_over_only_when_both_clocks_say_so(
    passed_s: float, provider_step_s: float, wait_s: float
) -> None:
    later = moment(passed_s, passed_s + provider_step_s)
    if has_surely_passed(moment(0, 0), later, wait_s):
        assert passed_s >= wait_s
        assert passed_s + provider_step_s >= wait_s - 1e-3


def test_a_moment_in_doubt_is_clarified_when_the_clock_is_known_again() -> None:
    in_doubt = ProviderTime(NOW, NOW + timedelta(days=9))
    later = moment(2 * HOUR_S, 2 * HOUR_S)
    for provider in (None, in_doubt):
        since = clarify(Moment(0, 0, provider), later)
        assert since.provider == ProviderTime(NOW, NOW)
        assert has_surely_passed(since, later, HOUR_S)
    # Neither while the clock is in doubt itself, nor after time has passed over the process.
    unknown = Moment(0, 0, None)
    assert clarify(unknown, Moment(DAY_S, DAY_S, in_doubt)) == unknown
    assert clarify(unknown, moment(DAY_S, DAY_S, generation=1)) == unknown


def test_a_wait_begins_anew_after_time_has_passed_over_the_process() -> None:
    assert not has_surely_passed(moment(0, 0), moment(DAY_S, DAY_S, generation=1), HOUR_S)
    assert not has_surely_passed(Moment(0, 0, None), moment(DAY_S, DAY_S), HOUR_S)


@given(st.floats(0, 60 * HOUR_S), STEPS_S)
def test_a_key_is_never_used_longer_than_its_time(age_s: float, provider_step_s: float) -> None:
    now = moment(age_s, age_s + provider_step_s)
    if not may_be_forgotten(NOW, moment(0, 0), now, 20 * HOUR_S):
        assert age_s < 20 * HOUR_S
        assert -60 <= age_s + provider_step_s < 20 * HOUR_S


def test_a_key_whose_age_is_not_known_counts_as_forgotten() -> None:
    assert may_be_forgotten(None, moment(0, 0), moment(1, 1), HOUR_S)
    assert may_be_forgotten(NOW, moment(0, 0), Moment(1, 1, None), HOUR_S)
    assert not may_be_forgotten(NOW, moment(0, 0), moment(1, 1), HOUR_S)


@given(st.floats(-90 * DAY_S, 90 * DAY_S).filter(lambda s: abs(s) > 61))
def test_one_date_that_is_far_off_only_widens_what_may_be(off_s: float) -> None:
    known = track(*[(t, t) for t in range(DATES_NEEDED)])
    doubtful, step_s = known.observe(SeenDate(NOW + timedelta(seconds=10 + off_s), 10.0))
    found = doubtful.at(10.0)
    assert found is not None
    assert step_s == 0
    assert found.earliest <= NOW + timedelta(seconds=10) <= found.latest
    calm, _ = doubtful.observe(SeenDate(NOW + timedelta(seconds=11), 11.0))
    after = calm.at(11.0)
    assert after == ProviderTime(NOW + timedelta(seconds=11), NOW + timedelta(seconds=11))


def test_three_dates_that_agree_are_believed_and_their_step_is_told() -> None:
    known = track(*[(t, t) for t in range(DATES_NEEDED)])
    steps = []
    for at in (10.0, 11.0, 12.0):
        known, step_s = known.observe(SeenDate(NOW + timedelta(seconds=at + DAY_S), at))
        steps.append(round(step_s))
    assert steps == [0, 0, DAY_S]
    assert track((0.0, 0.0), (1.0, 1.0)).at(1.0) is None


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        (ClockSample(100, 100, 100), None),
        (ClockSample(100, 100, 103), None),
        (ClockSample(100, 100, 100 + DAY_S), "wall_clock"),
        (ClockSample(100, 100, 100 - DAY_S), "wall_clock"),
        (ClockSample(100, DAY_S, DAY_S), "machine_slept"),
        (ClockSample(100, 100, 100, "another"), "another_boot"),
    ],
)
def test_steps_of_our_own_clocks(later: ClockSample, kind: str | None) -> None:
    step = find_step(ClockSample(0, 0, 0), later)
    assert (None if step is None else step.kind) == kind


def test_a_step_is_counted_and_ends_what_was_known_of_waits_but_not_of_keys() -> None:
    samples = [ClockSample(0, 0, 0)]
    clocks = Clocks(lambda: samples[-1])
    waits, keys = Moments(keep_over_steps=False), Moments(keep_over_steps=True)
    first = clocks.now()
    assert waits.first_seen("p", first) is keys.first_seen("p", first) is first
    samples.append(ClockSample(1, 1, 1 + DAY_S))
    then = clocks.now()
    assert (clocks.steps, then.generation, clocks.now().generation) == (1, 1, 1)
    assert (waits.first_seen("p", then), keys.first_seen("p", then)) == (then, first)


def test_a_paid_payment_is_watched_by_the_clock_that_makes_it_younger() -> None:
    assert sure_age_s(90 * DAY_S, NOW, moment(0, DAY_S)) == DAY_S
    assert sure_age_s(DAY_S, NOW, moment(0, 90 * DAY_S)) == DAY_S
    assert sure_age_s(90 * DAY_S, None, moment(0, 0)) == 0
    assert sure_age_s(90 * DAY_S, NOW, Moment(0, 0, None)) == 0


def test_lists_are_read_from_the_approval_only_while_the_clocks_agree_to_a_day() -> None:
    provider, early = ProviderTime(NOW, NOW), NOW - timedelta(days=5)
    assert list_from(early, None, NOW, provider) == early
    assert list_from(early, NOW, NOW, provider) == early
    assert list_from(NOW, early, NOW, provider) == early
    assert list_from(early, NOW, NOW + timedelta(days=2), provider) is None
    assert list_from(early, NOW, NOW, ProviderTime(NOW, NOW + timedelta(days=2))) is None
    assert list_from(early, NOW, NOW, None) is None
    assert list_from(None, early, NOW, provider) == early
    ahead = NOW + timedelta(days=5)  # the clock that dated it was wrong
    assert list_from(ahead, None, NOW, provider) is None
    assert list_from(ahead, early, NOW, provider) == early


def test_after_a_sleep_between_intent_and_call_the_call_is_not_made() -> None:
    provider = MemoryProvider("memory:", "sk", "2025-07-04", 1.0)
    call = Call(uuid4(), 1, 1, "/payments", uuid4(), "{}", "pmt_", {})
    asleep_s = 0.0
    provider.clocks.read = lambda: ClockSample(0.0, asleep_s, 0.0)
    assert send_in_time(provider, call, 30.0).status == 200
    asleep_s = 31.0  # while the monotonic clock of the process stood still
    assert send_in_time(provider, call, 30.0).status is None
    assert len(provider.calls) == 1
