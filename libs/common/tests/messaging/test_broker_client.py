"""The client that asks the broker for a service: few questions, and a new one if none answers."""

from typing import Any

import pytest

from libs.common.messaging import broker_client
from libs.common.messaging.broker_client import LATELY_S, BrokerClient


class Admin:
    """Notes what it was asked."""

    made: list["Admin"] = []  # noqa: RUF012 - of the tests, emptied by each

    def __init__(self, _settings: object) -> None:
        self.asked: list[list[str]] = []
        Admin.made.append(self)

    def describe_topics(self, topics: Any, request_timeout: float) -> dict[str, object]:
        self.asked.append(list(topics.topic_names))
        return dict.fromkeys(topics.topic_names, request_timeout)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> BrokerClient:
    monkeypatch.setattr(broker_client, "AdminClient", Admin)
    Admin.made = []
    return BrokerClient("h:1", Clock())


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_consumers_that_check_their_topics_together_ask_one_question(client: BrokerClient) -> None:
    clock: Any = client.clock
    for topic in ("a", "b", "c"):
        client.describe(topic)  # what each topic is when its consumer begins
    for _ in range(12):  # a minute
        clock.now += 5
        for topic in ("a", "b", "c"):
            assert topic in client.describe(topic).answers
            clock.now += 0.2
    (admin,) = Admin.made
    assert len(admin.asked) == 3 + 12
    assert admin.asked[3:] == [["a", "b", "c"]] * 12


def test_who_begins_to_read_a_topic_asks_anew(client: BrokerClient) -> None:
    first = client.describe("a")
    assert client.describe("a") is first
    assert client.describe("a", within_s=0.0) is not first
    clock: Any = client.clock
    clock.now += LATELY_S
    assert client.describe("a") is not first


def test_a_client_without_answers_is_made_anew(client: BrokerClient) -> None:
    clock: Any = client.clock
    first = client.admin()
    clock.now += 12
    client.unanswered(12.0)
    assert client.admin() is first, "it may still answer"
    client.answered()
    clock.now += 12.5
    client.unanswered(30.0)
    assert client.admin() is first
    client.unanswered(12.0)
    assert client.admin() is not first
    assert len(Admin.made) == 2
