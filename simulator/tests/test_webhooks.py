import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from simulator.tests.harness import Receiver, Simulator, body_of, receiver


@pytest.fixture
def end(simulator: Simulator) -> Any:
    with receiver() as state:
        yield state
        for webhook in simulator.call("GET", "/webhooks").data:
            simulator.call("DELETE", f"/webhooks/{webhook['id']}")


def subscribe(
    simulator: Simulator, end: Receiver, kind: str = "payment.create", **more: Any
) -> dict[str, Any]:
    body = {
        "type": kind,
        "url": f"http://127.0.0.1:{end.port}/hook",
        "auth_token": "token",
        "hmac_secret": "secret",
        **more,
    }
    webhook: dict[str, Any] = simulator.call("POST", "/webhooks", body).data
    return webhook


def pay(simulator: Simulator, count: int = 1) -> list[str]:
    source, destination = simulator.accounts()
    return [
        simulator.call("POST", "/payments", body_of(source, destination)).data["id"]
        for _ in range(count)
    ]


def test_a_delivery_is_signed_and_carries_ids_only(simulator: Simulator, end: Receiver) -> None:
    webhook = subscribe(simulator, end)
    assert "secret" not in json.dumps(webhook)
    assert "token" not in json.dumps(webhook)
    (payment_id,) = pay(simulator)
    headers, raw = end.wait(1)[0]
    stamp = headers["method-webhook-timestamp"]
    assert abs(int(stamp) - time.time()) < 5
    assert (
        headers["method-webhook-signature"]
        == hmac.new(b"secret", stamp.encode() + b":" + raw, hashlib.sha256).hexdigest()
    )
    assert base64.b64decode(headers["authorization"]) == b"token"
    body = json.loads(raw)
    event_id = body.pop("event")
    assert body.pop("refs")["entity"].startswith("ent_")
    assert body == {
        "webhook_id": webhook["id"],
        "id": payment_id,
        "type": "payment.create",
        "op": "create",
        "path": f"/payments/{payment_id}",
    }
    event = simulator.call("GET", f"/events/{event_id}").data
    assert (event["resource_id"], event["data"]["id"]) == (payment_id, payment_id)
    assert (
        simulator.call("GET", f"/events?resource_id={payment_id}&type=payment.create").data[0]["id"]
        == event_id
    )


def test_only_subscribed_types_are_delivered(simulator: Simulator, end: Receiver) -> None:
    subscribe(simulator, end, "payment.update")
    simulator.control("clock", {"speed": 20})
    pay(simulator)
    kinds = {json.loads(raw)["type"] for _, raw in end.wait(3)}
    assert kinds == {"payment.update"}


def test_the_first_versions_body_is_three_fields(simulator: Simulator, end: Receiver) -> None:
    body = {"type": "payment.create", "url": f"http://127.0.0.1:{end.port}/"}
    simulator.call("POST", "/webhooks", body, None, Method_Version="2020-12-06")
    (payment_id,) = pay(simulator)
    headers, raw = end.wait(1)[0]
    assert json.loads(raw) == {"id": payment_id, "type": "payment.create", "op": "create"}
    assert not {"authorization", "method-webhook-signature"} & set(headers)


@pytest.mark.parametrize(("mode", "each"), [("twice", 2), ("off", 0), ("shuffled", 1), ("late", 1)])
def test_modes(simulator: Simulator, end: Receiver, mode: str, each: int) -> None:
    subscribe(simulator, end)
    simulator.control("clock", {"speed": 20})
    simulator.control("webhooks", {"mode": mode})
    ids = pay(simulator, 12)
    time.sleep(0.3)
    if mode == "late":
        assert not end.got
    got = [json.loads(raw)["id"] for _, raw in end.wait(12 * each)]
    assert sorted(got) == sorted(ids * each)
    assert mode != "shuffled" or got != ids


def test_a_failed_delivery_is_tried_five_times_and_then_the_subscription_is_disabled(
    simulator: Simulator, end: Receiver
) -> None:
    webhook = subscribe(simulator, end)
    simulator.control("clock", {"speed": 1000})
    end.status = 500
    before = simulator.summary()["webhooks"]
    pay(simulator, 5)
    end.wait(25)
    until = time.monotonic() + 5
    while (shown := simulator.call("GET", f"/webhooks/{webhook['id']}").data)[
        "status"
    ] == "active" and time.monotonic() < until:
        time.sleep(0.05)
    assert (shown["status"], shown["error"]["sub_type"]) == (
        "disabled",
        "WEBHOOK_DISABLED_RECEIVED_5XX_ERROR",
    )
    after = simulator.summary()["webhooks"]
    assert (after["sent"] - before["sent"], after["delivered"] - before["delivered"]) == (25, 0)
    pay(simulator)
    time.sleep(0.2)
    assert len(end.got) == 25
    end.status = 200
    assert (
        simulator.call("PATCH", f"/webhooks/{webhook['id']}", {"status": "active"}).data["error"]
        is None
    )
    pay(simulator)
    end.wait(26)


def test_an_answer_after_five_seconds_is_a_failure(simulator: Simulator, end: Receiver) -> None:
    subscribe(simulator, end)
    before = simulator.summary()["webhooks"]["delivered"]
    end.delay_s = 5.3
    pay(simulator)
    end.wait(1)
    end.delay_s = 0
    end.wait(2, limit_s=8)
    time.sleep(0.2)
    assert simulator.summary()["webhooks"]["delivered"] == before + 1
