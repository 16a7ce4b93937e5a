import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from simulator.storage import Storage, StorageError
from simulator.tests.harness import LOAN, PERSON, ROOT, Simulator, body_of, receiver


def test_everything_answered_survives_kill_9_under_load(own: Simulator) -> None:
    own.start()
    source, destination = own.accounts()
    answered: dict[str, Any] = {}
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            key = str(uuid.uuid4())
            try:
                answered[key] = own.call(
                    "POST", "/payments", body_of(source, destination), key
                ).data
            except (OSError, HTTPException):  # killed before the answer, or in the middle of it
                return

    clients = [threading.Thread(target=client) for _ in range(8)]
    for thread in clients:
        thread.start()
    until = time.monotonic() + 20
    while len(answered) < 150 and time.monotonic() < until:
        time.sleep(0.005)
    own.kill()
    stop.set()
    for thread in clients:
        thread.join()
    assert len(answered) > 100
    own.start()
    stored = {p["idempotency_key"]: p for p in own.records("payments")}
    assert all(stored[key]["id"] == payment["id"] for key, payment in answered.items())
    for key in list(answered)[-20:]:
        again = own.call("POST", "/payments", {}, key)
        assert (again.headers["idem-status"], again.data) == ("replayed", answered[key])
    assert own.summary()["calls"]["POST /payments"] >= len(answered) + 20
    new = own.call("POST", "/payments", body_of(source, destination), str(uuid.uuid4())).data["id"]
    assert new not in {p["id"] for p in stored.values()}


def test_plans_controls_and_subscriptions_go_on_after_a_restart(own: Simulator) -> None:
    own.start()
    with receiver() as end:
        webhook = own.call(
            "POST",
            "/webhooks",
            {"type": "payment.update", "url": f"http://127.0.0.1:{end.port}/", "hmac_secret": "s"},
        ).data
        own.control(
            "outcomes",
            {"seed": 1, "rules": [{"share": 1, "status": "failed", "error_code": 10009}]},
        )
        own.control("limits", {"payments_per_min": 7})
        own.control("webhooks", {"mode": "twice"})
        own.control("clock", {"speed": 5})
        source, destination = own.accounts()
        payment_id = own.call("POST", "/payments", body_of(source, destination)).data["id"]
        own.kill()
        own.start()
        assert own.wait_status(payment_id, "failed", limit_s=5)["error"]["code"] == 10009
        assert [w["id"] for w in own.call("GET", "/webhooks").data] == [webhook["id"]]
        assert own.call("GET", "/_simulator/limits").body == {"payments_per_min": 7}
        assert own.call("GET", "/_simulator/clock").body["speed"] == 5
        again = own.call("POST", "/payments", body_of(source, destination)).data["id"]
        assert own.wait_status(again, "failed", limit_s=5)["error"]["code"] == 10009
        end.wait(8)


def test_a_fault_already_drawn_for_a_key_is_not_drawn_again_after_a_restart(own: Simulator) -> None:
    own.start()
    rule = {"method": "POST", "path": "/entities", "share": 1, "fault": "status", "status": 503}
    own.control("faults", {"seed": 1, "rules": [rule]})
    assert own.call("POST", "/entities", PERSON, "k").status == 503
    own.kill()
    own.start()
    assert own.call("POST", "/entities", PERSON, "k").status == 200
    assert own.call("POST", "/entities", PERSON, "k2").status == 503


def test_a_stop_is_clean_and_quick_even_with_a_hanging_client(own: Simulator) -> None:
    own.start()
    own.control(
        "faults", {"rules": [{"method": "GET", "path": "/ping", "share": 1, "fault": "hang"}]}
    )
    with socket.create_connection(("127.0.0.1", own.port), timeout=5) as wire:
        wire.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test\r\n\r\n")
        time.sleep(0.2)
        began = time.monotonic()
        own.stop()
        assert time.monotonic() - began < 4
        assert wire.recv(1) == b""
    own.start()
    assert own.summary()["calls"]["GET /ping"] == 1


def test_a_full_disk_ends_the_process_before_it_answers_what_is_not_written(own: Simulator) -> None:
    own.start(file_max_bytes=300_000)
    answered: list[str] = []
    with contextlib.suppress(OSError):  # a reset or a refused connection, depending on the moment
        while len(answered) < 2_000:
            reply = own.call("POST", "/entities", PERSON)
            assert reply.status == 200
            answered.append(reply.data["id"])
    assert own.process is not None
    assert own.process.wait(5) == 1
    own.start()
    assert {e["id"] for e in own.records("entities")} >= set(answered) != set()


def test_a_file_in_use_by_another_simulator_is_refused(tmp_path: Path) -> None:
    first = Storage(tmp_path / "books.sqlite")
    first.store_setting("a", 1)
    first.write()
    with pytest.raises(StorageError, match="locked"):
        Storage(tmp_path / "books.sqlite")
    first.close()


def test_a_file_of_the_older_format_keeps_its_answers(own: Simulator) -> None:
    """It did not store when; a day is counted from the first start with the newer program."""
    own.start()
    first = own.call("POST", "/entities", PERSON, "k")
    own.stop()
    with contextlib.closing(sqlite3.connect(own.folder / "books.sqlite")) as connection:
        connection.executescript(
            "ALTER TABLE answer DROP COLUMN stored_ms; PRAGMA user_version = 1;"
        )
    own.start()
    assert own.call("POST", "/entities", PERSON, "k").data["id"] == first.data["id"]


def test_a_misspelt_setting_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "PAYDOWN_SIMULATOR_BOKS": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "simulator"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert "PAYDOWN_SIMULATOR_BOKS" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_control_api_lists_what_the_design_names(own: Simulator) -> None:
    own.start()
    source, destination = own.accounts()
    own.call("POST", "/payments", body_of(source, destination, metadata={"a": 1}), "key-1")
    (payment,) = own.records("payments")
    assert set(payment) == {
        "id",
        "source",
        "destination",
        "amount",
        "status",
        "description",
        "metadata",
        "idempotency_key",
        "created_at",
    }
    assert (payment["idempotency_key"], payment["metadata"]) == ("key-1", {"a": 1})
    bank, loan = own.records("accounts")
    assert set(bank) == set(loan) == {"id", "holder_id", "type", "routing", "number", "mch_id"}
    assert (bank["number"], loan["number"], loan["mch_id"]) == (
        "00123456",
        LOAN["account_number"],
        LOAN["mch_id"],
    )
    corporation, person = own.records("entities")
    assert set(person) == {"id", "type", "first_name", "last_name", "phone", "dob", "name", "ein"}
    assert (person["dob"], corporation["ein"]) == ("1990-01-02", "32120240")
    assert {"id", "type", "plaid"} == set(own.records("merchants")[0])
    summary = own.summary()
    assert (summary["payments"], summary["amount_cents"], summary["by_status"]) == (
        1,
        500,
        {"pending": 1},
    )
    assert summary["calls"] == {"POST /entities": 2, "POST /accounts": 2, "POST /payments": 1}
    assert own.call("GET", "/_simulator/books/nothing").status == 404
