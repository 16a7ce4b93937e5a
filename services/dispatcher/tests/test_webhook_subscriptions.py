"""Our webhooks at the provider: made once, kept active, and never taken from others."""

import json
from typing import Any

import pytest

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page, Unreachable
from services.dispatcher.provider.webhook_subscriptions import (
    CHECK_EVERY_S,
    HOUR_S,
    RETRY_S,
    TYPES,
    WebhookSubscriptions,
)

OURS, OTHERS = "https://pay.example/webhooks/method", "https://other.example/hook"


class FakeWebhooks:
    """The provider's list of webhooks. An answer to a key is stored, as the provider does."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.stored: dict[str, Answer] = {}
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.away = self.loses_answers = self.list_lags = False
        self.made = 0

    def page(self, _path: str, _params: object) -> Page:
        if self.away:
            raise Unreachable(Answer(None))
        lines = [] if self.list_lags else [dict(line) for line in self.lines]
        return Page(lines, "", len(lines), "req", None)

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        self.calls.append((method, path))
        body = json.loads(content or b"{}")
        if method == "PATCH":
            (line,) = (one for one in self.lines if path == f"/webhooks/{one['id']}")
            line |= body
            return Answer(200)
        self.bodies.append(body)
        if key not in self.stored:
            self.add(body["url"], body["type"], metadata=body["metadata"])
            self.stored[key] = Answer(200)
        return Answer(None) if self.loses_answers else self.stored[key]

    def add(
        self, url: str, kind: str, status: str = "active", metadata: dict[str, str] | None = None
    ) -> None:
        self.made += 1
        line = {"id": f"whk_{self.made}", "url": url, "type": kind, "status": status}
        self.lines.append({**line, "metadata": metadata})


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def subscriptions(provider: FakeWebhooks, clock: ManualClock) -> WebhookSubscriptions:
    return WebhookSubscriptions(provider, OURS, "s3cret", clock)


def ours(provider: FakeWebhooks) -> list[str]:
    return sorted(line["type"] for line in provider.lines if line["url"] == OURS)


def test_one_webhook_of_each_type_is_made_once(
    provider: FakeWebhooks, clock: ManualClock, subscriptions: WebhookSubscriptions
) -> None:
    provider.add(OTHERS, TYPES[0])
    assert subscriptions.ensure()
    assert ours(provider) == sorted(TYPES)
    assert {(body["hmac_secret"], body["expand_event"]) for body in provider.bodies} == {
        ("s3cret", False)
    }
    assert not subscriptions.ensure()  # within a minute
    clock.now += CHECK_EVERY_S
    assert subscriptions.ensure()
    assert len(provider.bodies) == len(TYPES)


def test_one_that_the_provider_has_disabled_is_switched_on_within_a_minute(
    provider: FakeWebhooks, clock: ManualClock, subscriptions: WebhookSubscriptions
) -> None:
    provider.add(OTHERS, TYPES[0], "disabled")
    subscriptions.ensure()
    provider.lines[1]["status"] = "disabled"
    clock.now += CHECK_EVERY_S
    subscriptions.ensure()
    assert [line["status"] for line in provider.lines] == ["disabled", "active", "active", "active"]
    assert provider.calls[-1] == ("PATCH", f"/webhooks/{provider.lines[1]['id']}")


def test_one_that_was_deleted_there_is_made_again(
    provider: FakeWebhooks, clock: ManualClock, subscriptions: WebhookSubscriptions
) -> None:
    subscriptions.ensure()
    for _ in range(3):
        provider.lines = [line for line in provider.lines if line["type"] != TYPES[0]]
        clock.now += HOUR_S
        subscriptions.ensure()
        assert ours(provider) == sorted(TYPES)  # the stored answer of an earlier key makes none


def test_a_lost_answer_makes_no_second_one_though_the_list_lags(
    provider: FakeWebhooks, clock: ManualClock, subscriptions: WebhookSubscriptions
) -> None:
    provider.loses_answers = provider.list_lags = True
    subscriptions.ensure()
    clock.now += CHECK_EVERY_S
    subscriptions.ensure()
    assert ours(provider) == sorted(TYPES)


def test_a_provider_that_is_away_is_asked_again_soon(
    provider: FakeWebhooks, clock: ManualClock, subscriptions: WebhookSubscriptions
) -> None:
    provider.away = True
    assert not subscriptions.ensure()
    provider.away = False
    assert not subscriptions.ensure()
    clock.now += RETRY_S
    assert subscriptions.ensure()
    assert ours(provider) == sorted(TYPES)


def test_without_an_address_there_are_none(provider: FakeWebhooks, clock: ManualClock) -> None:
    assert not WebhookSubscriptions(provider, "", "s3cret", clock).ensure()
    assert provider.calls == []
