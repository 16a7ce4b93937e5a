"""The limits of calls per minute."""

import pytest

from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.tests.conftest import build
from services.gateway.tests.fakes import BATCH


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_then_evenly() -> None:
    clock = Clock()
    buckets = RateLimiter(60, clock)
    assert [buckets.take("a") for _ in range(61)] == [0] * 60 + [1]
    clock.now += 0.5
    assert buckets.take("a") == 1
    clock.now += 0.5
    assert (buckets.take("a"), buckets.take("a")) == (0, 1)
    clock.now += 3_600
    assert [buckets.take("a") for _ in range(61)] == [0] * 60 + [1]


def test_everybody_has_a_bucket_of_their_own() -> None:
    buckets = RateLimiter(1, Clock())
    assert [buckets.take(key) for key in ("a", "b", "a", "b")] == [0, 0, 60, 60]


def test_twenty_a_second_for_ever_never_trips_the_default() -> None:
    clock = Clock()
    buckets = RateLimiter(3_000, clock)
    for _ in range(20 * 600):
        assert buckets.take("script") == 0
        clock.now += 0.05


def test_the_number_of_buckets_is_limited() -> None:
    buckets = RateLimiter(1, Clock(), keys_max=3)
    for key in ("a", "b", "c", "a", "d"):  # b is the one longest unused
        buckets.take(key)
    assert [buckets.take(key) for key in ("a", "c", "b")] == [60, 60, 0]


@pytest.mark.database
def test_too_many_calls_of_a_person_by_any_token_are_429_and_others_are_not(url: str) -> None:
    gateway = build(url, calls_per_min=5)
    token = gateway.call(
        "POST",
        "/tokens",
        "admin",
        json={"name": "n", "person": "demo-auditor", "roles": ["auditor"]},
    ).json()["token"]
    answers = [gateway.call("GET", "/me", "auditor") for _ in range(3)]
    answers += [
        gateway.call("GET", "/me", None, headers={"Authorization": f"Bearer {token}"})
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [200] * 5
    refused = gateway.call("POST", f"/batches/{BATCH}/pause", "auditor")
    assert (refused.status_code, refused.json()["code"], refused.headers["content-type"]) == (
        429,
        "rate.limited",
        "application/problem+json",
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert gateway.call("GET", "/me", "preparer").status_code == 200
    gateway.engine.dispose()
