"""Webhooks at the provider: one for each type and secret; another secret makes new ones."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.common.crypto.webhook_secrets import secret_digest
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page
from services.dispatcher.provider.webhook_subscriptions import (
    CHECK_EVERY_S,
    DIGEST,
    TYPES,
    WebhookSubscriptions,
)

URL, OLD, NEW = "https://paydown.example.com/webhooks/method", "old-secret-0123", "new-secret-0123"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


class FakeReader:
    """The provider's webhooks as a list, newest first; its clock is `now`."""

    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.now = NOW
        self.refuses = False

    def page(self, path: str, _: Mapping[str, str]) -> Page:
        assert path == "/webhooks"
        return Page([dict(one) for one in self.webhooks], "", -1, "", self.now)

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        if method == "DELETE":
            self.webhooks = [one for one in self.webhooks if one["id"] != id_in(path)]
            return Answer(200)
        body = json.loads(content or b"{}")
        if method == "PATCH":
            found = next(one for one in self.webhooks if one["id"] == id_in(path))
            found |= body
            return Answer(200)
        if self.refuses:
            return Answer(400, None, "INVALID_REQUEST")
        self.keys.append(key)
        made = {
            "id": f"whk_{len(self.keys)}",
            "status": "active",
            "created_at": self.now.isoformat(),
            **{name: body[name] for name in ("type", "url", "metadata")},
        }
        self.webhooks.insert(0, made)
        return Answer(200)

    def digests(self) -> list[str]:
        return sorted(one["metadata"][DIGEST] for one in self.webhooks)


def id_in(path: str) -> str:
    return path.rpartition("/")[2]


def ensured(reader: FakeReader, secret: str) -> WebhookSubscriptions:
    made = WebhookSubscriptions(reader, URL, secret)
    for _ in range(2):  # the second time nothing is left to do
        made.checked_at = -CHECK_EVERY_S * 1e9
        assert made.ensure()
    return made


def test_each_type_is_subscribed_once_with_a_digest_of_its_secret() -> None:
    reader = FakeReader()
    ensured(reader, OLD)
    ensured(reader, OLD)  # after a restart
    assert sorted(one["type"] for one in reader.webhooks) == sorted(TYPES)
    assert reader.digests() == [secret_digest(OLD)] * 3
    assert OLD not in json.dumps(reader.webhooks)


def test_another_secret_makes_new_webhooks_and_the_old_ones_stay_for_an_hour() -> None:
    reader = FakeReader()
    ensured(reader, OLD)
    reader.now += timedelta(days=9)
    made = ensured(reader, NEW)
    both = sorted([secret_digest(OLD)] * 3 + [secret_digest(NEW)] * 3)
    assert reader.digests() == both
    assert len(set(reader.keys)) == 6  # a key used again would give back the old webhook
    assert made.check() == {"webhook secret": ""}
    reader.now += timedelta(minutes=59)
    ensured(reader, NEW)
    assert reader.digests() == both
    reader.now += timedelta(minutes=2)
    ensured(reader, NEW)
    assert reader.digests() == [secret_digest(NEW)] * 3


def test_webhooks_of_an_earlier_version_and_those_of_others_are_told_apart() -> None:
    reader = FakeReader()
    before = {"id": "whk_a", "type": TYPES[0], "url": URL, "status": "active", "metadata": None}
    foreign = {"id": "whk_b", "type": TYPES[0], "url": "https://other", "metadata": None}
    reader.webhooks += [before, foreign]
    ensured(reader, NEW)
    reader.now += timedelta(hours=2)
    ensured(reader, NEW)
    ids = {one["id"] for one in reader.webhooks}
    assert "whk_a" not in ids  # with whose secret it was made is not known
    assert "whk_b" in ids


def test_a_disabled_webhook_is_switched_on_and_no_other_is_deleted_before() -> None:
    reader = FakeReader()
    ensured(reader, OLD)
    reader.now += timedelta(days=1)
    ensured(reader, NEW)
    for one in reader.webhooks:
        one["status"] = "disabled"
    reader.now += timedelta(hours=2)
    made = WebhookSubscriptions(reader, URL, NEW)
    made.ensure()
    new = [one for one in reader.webhooks if one["metadata"][DIGEST] == secret_digest(NEW)]
    assert {one["status"] for one in new} == {"active"}
    assert len(reader.webhooks) == 6


def test_a_secret_that_the_provider_does_not_take_is_a_sentence_until_it_does() -> None:
    reader = FakeReader()
    reader.refuses = True
    made = ensured(reader, NEW)
    assert "does not know our webhook secret" in made.check()["webhook secret"]
    assert "status 400 INVALID_REQUEST" in made.check()["webhook secret"]
    assert NEW not in made.check()["webhook secret"]
    reader.refuses = False
    made.checked_at = -CHECK_EVERY_S * 1e9
    made.ensure()
    assert made.check() == {"webhook secret": ""}
