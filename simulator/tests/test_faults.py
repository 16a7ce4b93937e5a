import contextlib
import http.client
import json
import socket
import time
import uuid

import pytest

from simulator.tests.harness import Simulator, body_of

LOST = (http.client.RemoteDisconnected, ConnectionResetError)


def fault(simulator: Simulator, kind: str, share: float = 1, **more: object) -> None:
    simulator.control(
        "faults",
        {
            "seed": 3,
            "rules": [
                {"method": "POST", "path": "/payments", "share": share, "fault": kind, **more}
            ],
        },
    )


def made(simulator: Simulator, key: str) -> int:
    return sum(p["idempotency_key"] == key for p in simulator.records("payments"))


def test_a_lost_request_closes_the_socket_without_a_byte_and_is_not_executed(
    simulator: Simulator,
) -> None:
    source, destination = simulator.accounts()
    fault(simulator, "lose_request")
    body = json.dumps(body_of(source, destination)).encode()
    head = (
        "POST /payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test\r\n"
        f"Idempotency-Key: raw-1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as wire:
        wire.sendall(head.encode() + body)
        with contextlib.suppress(ConnectionResetError):
            assert wire.recv(1) == b""
    assert made(simulator, "raw-1") == 0
    simulator.call("DELETE", "/_simulator/faults")
    assert (
        simulator.call("POST", "/payments", body_of(source, destination), "raw-1").headers[
            "idem-status"
        ]
        == "stored"
    )


def test_a_lost_answer_is_executed_once_and_replayed(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    key, body = str(uuid.uuid4()), body_of(source, destination)
    fault(simulator, "lose_answer")
    with pytest.raises(LOST):
        simulator.call("POST", "/payments", body, key)
    assert made(simulator, key) == 1
    simulator.call("DELETE", "/_simulator/faults")
    again = simulator.call("POST", "/payments", body, key)
    assert (again.status, again.headers["idem-status"]) == (200, "replayed")
    assert made(simulator, key) == 1


@pytest.mark.parametrize(
    ("status", "execute", "stored", "then", "payments"),
    [
        (500, True, True, (500, "replayed"), 1),
        (500, False, True, (500, "replayed"), 0),
        (503, False, False, (200, "stored"), 1),
        (500, True, False, (200, "replayed"), 1),
        (502, False, False, (200, "stored"), 1),
    ],
)
def test_a_status_is_answered_once_per_key_and_then_the_store_decides(
    simulator: Simulator,
    status: int,
    execute: bool,
    stored: bool,
    then: tuple[int, str],
    payments: int,
) -> None:
    source, destination = simulator.accounts()
    key, body = str(uuid.uuid4()), body_of(source, destination)
    fault(simulator, "status", status=status, execute=execute, stored=stored)
    first = simulator.call("POST", "/payments", body, key)
    assert (first.status, first.error["type"], first.error["code"]) == (status, "API_ERROR", status)
    assert first.error["sub_type"] == ("IDEMPOTENCY_UNAVAILABLE" if status == 503 else None)
    for _ in range(2):
        again = simulator.call("POST", "/payments", body, key)
        assert again.status == then[0]
    assert again.headers["idem-status"] == "replayed"
    assert made(simulator, key) == payments


def test_a_status_fault_can_be_any_documented_refusal(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    fault(
        simulator,
        "status",
        status=400,
        type="INVALID_REQUEST",
        sub_type="INSUFFICIENT_FUNDS",
        stored=True,
    )
    assert (
        simulator.call("POST", "/payments", body_of(source, destination), "nsf-1").error["sub_type"]
        == "INSUFFICIENT_FUNDS"
    )


def test_a_status_share_hits_about_its_share_of_keys(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    fault(simulator, "status", 0.2, status=500, execute=False, stored=True)
    answers = [
        simulator.call("POST", "/payments", body_of(source, destination), f"share-{n}").status
        for n in range(200)
    ]
    assert 20 <= answers.count(500) <= 62
    again = [
        simulator.call("POST", "/payments", body_of(source, destination), f"share-{n}").status
        for n in range(200)
    ]
    assert again == answers


def test_a_delay_is_late_and_a_hang_never_answers(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    fault(simulator, "delay", seconds=0.4)
    began = time.monotonic()
    assert simulator.call("POST", "/payments", body_of(source, destination)).status == 200
    assert time.monotonic() - began >= 0.4
    fault(simulator, "hang")
    before = simulator.summary()["payments"]
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=0.5) as wire:
        wire.sendall(
            b"POST /payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test\r\n"
            b"Content-Length: 2\r\n\r\n{}"
        )
        with pytest.raises(TimeoutError):
            wire.recv(1)
    assert simulator.summary()["payments"] == before


def test_every_request_received_is_counted_and_control_calls_are_not(simulator: Simulator) -> None:
    before = simulator.summary()["calls"].get("POST /payments", 0)
    fault(simulator, "lose_request")
    for _ in range(3):
        with pytest.raises(LOST):
            simulator.call("POST", "/payments", {})
    calls = simulator.summary()["calls"]
    assert calls["POST /payments"] == before + 3
    assert not any("_simulator" in name for name in calls)
