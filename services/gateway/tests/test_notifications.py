"""Notifications on a real database: told once, never in the way of others, secrets never shown."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from libs.common.crypto.field_encryption import FieldCipher
from services.gateway.domain.notifications import ATTEMPTS_MAX, Event
from services.gateway.notifications.delivery import Courier
from services.gateway.notifications.message_client import MessageClient
from services.gateway.notifications.sender import AT_ONCE_MAX, Sender
from services.gateway.notifications.webhook_client import WebhookClient
from services.gateway.store import notification_deliveries, notification_events
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database
KEYS = "k1:" + "A" * 43 + "="
SERVICES = '{"mail": "mailtos://u:p@mail.example.com?to={address}", "chat": "slack://a/b/c"}'
HOOK = {"name": "hook", "address": "https://hooks.example.com/x", "events": ["approved"]}
CHAT = {"name": "chat", "service": "chat", "events": ["approved"]}
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
EVENT = Event("approved", BATCH, path=f"/batches/{BATCH}")


@pytest.fixture
def gateway(url: str) -> Iterator[Gateway]:
    made = build(url, seal_keys=KEYS, message_services=SERVICES)
    with made.engine.begin() as connection:
        connection.execute(text("TRUNCATE notification_channel, notification_event CASCADE"))
    yield made
    made.engine.dispose()


@dataclass
class Receivers:
    """What was sent, and how each receiver behaves."""

    status: int = 204
    hanging: bool = False  # the webhook's receiver does not answer
    webhooks: list[httpx.Request] = field(default_factory=list)
    texts: list[tuple[str, str, str]] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.webhooks.append(request)
        if self.hanging:
            await asyncio.sleep(60)
        return httpx.Response(self.status)

    def notify(self, url: str, title: str, body: str) -> bool:
        self.texts.append((url, title, body))
        return True

    def sender(self, gateway: Gateway) -> Sender:
        async def resolve(_: str, __: int) -> list[str]:
            return ["93.184.216.34"]

        services = {"chat": "slack://a/b/c", "mail": "mailtos://u:p@m.example.com?to={address}"}
        courier = Courier(
            FieldCipher.parse(KEYS),
            "https://pay.example.com",
            WebhookClient(resolve, transport=httpx.MockTransport(self.answer)),
            MessageClient(services, ThreadPoolExecutor(1), self.notify),
        )
        return Sender(gateway.engine, courier, lambda person: person != "who-left")


def added(gateway: Gateway, order: dict[str, Any], who: str = "admin") -> dict[str, Any]:
    answer = gateway.call("POST", "/notifications/channels", who, json=order)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def noted(gateway: Gateway, event: Event = EVENT) -> bool:
    people = ["demo-admin", "demo-approver"]
    with gateway.engine.begin() as connection:
        return notification_events.insert_event(connection, event, people)


async def _deliver(sender: Sender, turns: int = 1) -> None:
    for _ in range(turns):
        await sender.begin_due()
        if sender.busy:
            await asyncio.wait(sender.busy.values(), timeout=5)


def deliver(gateway: Gateway, receivers: Receivers) -> None:
    """Attempt everything that is due, once."""
    asyncio.run(_deliver(receivers.sender(gateway)))


def states(gateway: Gateway, who: str = "admin") -> list[tuple[str, str, int, str]]:
    items = gateway.call("GET", "/notifications/deliveries", who).json()["items"]
    return [(one["channel"], one["status"], one["attempts"], one["reason"]) for one in items]


def make_due(gateway: Gateway) -> None:
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE notification_delivery SET due_at = now()"))


def test_an_event_is_told_once_to_each_channel_that_chose_it(gateway: Gateway) -> None:
    added(gateway, HOOK)
    added(gateway, CHAT, "approver")
    added(gateway, {**CHAT, "name": "other", "events": ["finished"]}, "approver")
    assert [noted(gateway), noted(gateway)] == [True, False]
    receivers = Receivers()
    deliver(gateway, receivers)
    deliver(gateway, receivers)
    assert (len(receivers.webhooks), len(receivers.texts)) == (1, 1)
    assert states(gateway) == [("hook", "sent", 1, "")]
    assert states(gateway, "approver") == [("chat", "sent", 1, "")]
    assert receivers.texts[0][1:] == (
        "A batch was approved",
        f"Its payments are sent now.\n\nhttps://pay.example.com/batches/{BATCH}",
    )


def test_the_database_holds_one_delivery_for_each_event_and_channel(gateway: Gateway) -> None:
    added(gateway, HOOK)
    noted(gateway)
    with gateway.engine.begin() as connection, pytest.raises(Exception, match="unique"):
        connection.execute(
            text(
                """INSERT INTO notification_delivery (delivery_id, event_id, channel_id)
                   SELECT gen_random_uuid(), event_id, channel_id FROM notification_delivery"""
            )
        )


def test_a_lost_answer_repeats_the_webhook_with_the_same_id_and_body(gateway: Gateway) -> None:
    added(gateway, HOOK)
    noted(gateway)
    receivers = Receivers()
    sender = receivers.sender(gateway)
    with gateway.engine.begin() as connection:  # the attempt of a process that died after its call
        (job,) = notification_deliveries.claim_due(connection, [], 8)
    assert states(gateway) == [("hook", "waiting", 1, "")]
    deliver(gateway, receivers)
    assert receivers.webhooks == []  # the lease holds
    make_due(gateway)
    deliver(gateway, receivers)
    (request,) = receivers.webhooks
    assert request.headers["webhook-id"] == f"msg_{job.delivery_id.hex}"
    assert states(gateway) == [("hook", "sent", 2, "")]
    with gateway.engine.begin() as connection:  # the dead process's result comes late
        notification_deliveries.record_result(connection, job, "waiting", "timeout")
    assert states(gateway) == [("hook", "sent", 2, "")]
    assert sender.busy == {}


def test_failures_wait_then_become_a_dead_letter_that_can_be_sent_again(gateway: Gateway) -> None:
    added(gateway, HOOK)
    noted(gateway)
    receivers = Receivers(503)
    deliver(gateway, receivers)
    assert states(gateway) == [("hook", "waiting", 1, "status 503")]
    for _ in range(ATTEMPTS_MAX):
        make_due(gateway)
        deliver(gateway, receivers)
    assert states(gateway) == [("hook", "failed", ATTEMPTS_MAX, "status 503")]
    assert len(receivers.webhooks) == ATTEMPTS_MAX
    item = gateway.call("GET", "/notifications/deliveries", "admin").json()["items"][0]
    assert item["message"] == "The receiver answered with status 503, not with 2xx."
    with gateway.engine.connect() as connection:
        assert notification_deliveries.count_failed(connection) == 1
    again = f"/notifications/deliveries/{item['delivery_id']}/again"
    assert gateway.call("POST", again, "approver").status_code == 409  # not theirs
    assert gateway.call("POST", again, "admin").status_code == 200
    assert gateway.call("POST", again, "admin").status_code == 409
    receivers.status = 200
    deliver(gateway, receivers)
    assert states(gateway) == [("hook", "sent", 1, "")]


def test_a_receiver_that_hangs_holds_up_itself_alone(gateway: Gateway) -> None:
    added(gateway, HOOK)
    added(gateway, CHAT, "approver")
    receivers = Receivers(hanging=True)
    events = [Event("approved", f"batch-{n}") for n in range(AT_ONCE_MAX * 2)]
    assert all(noted(gateway, event) for event in events)

    async def work() -> None:
        sender = receivers.sender(gateway)
        for _ in range(len(events) * 3):
            await sender.begin_due()
            await asyncio.sleep(0.02)
        for task in sender.busy.values():
            task.cancel()

    asyncio.run(work())
    assert len(receivers.webhooks) == 1  # one attempt at once
    assert len(receivers.texts) == len(events)


def test_who_has_no_role_any_more_is_told_nothing(gateway: Gateway) -> None:
    added(gateway, HOOK)
    noted(gateway)
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE notification_channel SET person = 'who-left'"))
    receivers = Receivers()
    deliver(gateway, receivers)
    assert receivers.webhooks == []
    with gateway.engine.connect() as connection:
        found = connection.execute(text("SELECT status, reason FROM notification_delivery")).one()
    assert tuple(found) == ("failed", "no-role")


def test_secrets_and_addresses_are_encrypted_and_shown_once_at_most(gateway: Gateway) -> None:
    made, again = (
        gateway.call(
            "POST",
            "/notifications/channels",
            "admin",
            json=HOOK,
            headers={"Idempotency-Key": "n1"},
        ).json()
        for _ in range(2)
    )
    assert made["secret"].startswith("whsec_")
    assert again == {**made, "secret": None}
    mail = {"name": "m", "service": "mail", "address": "ida@example.com", "events": ["finished"]}
    assert added(gateway, mail, "approver")["secret"] is None
    listed = gateway.call("GET", "/notifications", "admin")
    assert listed.json()["items"][0]["place"] == "hooks.example.com"
    with gateway.engine.connect() as connection:
        everything = "".join(
            str(row)
            for table in ("notification_channel", "audit", "idempotency")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        )
    for hidden in (made["secret"], HOOK["address"], "ida@example.com"):
        assert str(hidden) not in everything + listed.text


@pytest.mark.parametrize(
    ("order", "who", "status", "code"),
    [
        (HOOK, "approver", 403, "notification.webhook"),
        ({**HOOK, "address": "http://hooks.example.com"}, "admin", 422, "notification.address"),
        ({**HOOK, "address": "https://10.0.0.1/"}, "admin", 422, "notification.address"),
        ({**CHAT, "service": "pager"}, "approver", 422, "notification.service"),
        ({**CHAT, "address": "a@example.com"}, "approver", 422, "notification.address"),
        ({**CHAT, "service": "mail"}, "approver", 422, "notification.address"),
        (
            {**CHAT, "service": "mail", "address": "a@b.example.com&to=x@y.org"},
            "approver",
            422,
            "notification.address",
        ),
        ({**CHAT, "events": ["everything"]}, "approver", 422, "request.invalid"),
    ],
)
def test_channels_that_cannot_be(
    gateway: Gateway, order: dict[str, Any], who: str, status: int, code: str
) -> None:
    answer = gateway.call("POST", "/notifications/channels", who, json=order)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert gateway.call("GET", "/notifications", who).json()["items"] == []


def test_people_see_and_change_their_own_channels_only(gateway: Gateway) -> None:
    channel = f"/notifications/channels/{added(gateway, CHAT, 'approver')['channel_id']}"
    chosen = {"events": ["finished", "break_found"]}
    for method, path, body in (
        ("POST", f"{channel}/events", chosen),
        ("POST", f"{channel}/test", None),
        ("DELETE", channel, None),
    ):
        assert gateway.call(method, path, "auditor", json=body).status_code == 404
    changed = gateway.call("POST", f"{channel}/events", "approver", json=chosen).json()
    assert changed["events"] == ["break_found", "finished"]
    assert gateway.call("GET", "/notifications", "auditor").json()["items"] == []


def test_a_removed_channel_forgets_its_address_and_drops_what_waits(gateway: Gateway) -> None:
    made = added(gateway, HOOK)
    noted(gateway)
    path = f"/notifications/channels/{made['channel_id']}"
    assert gateway.call("DELETE", path, "admin").status_code == 200
    assert gateway.call("DELETE", path, "admin").status_code == 404
    receivers = Receivers()
    deliver(gateway, receivers)
    assert (receivers.webhooks, states(gateway)) == ([], [("hook", "dropped", 0, "removed")])
    with gateway.engine.connect() as connection:
        stored = connection.execute(text("SELECT * FROM notification_channel")).mappings().one()
    assert (stored["sealed_address"], stored["sealed_secret"]) == ("", "removed")


def test_without_a_key_nothing_can_be_added(url: str) -> None:
    without = build(url)
    answer = without.call("POST", "/notifications/channels", "admin", json=HOOK)
    assert (answer.status_code, answer.json()["code"]) == (409, "notification.off")
    assert without.call("GET", "/notifications", "admin").json()["is_on"] is False
    without.engine.dispose()
