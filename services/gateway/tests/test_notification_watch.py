"""What the watch notices of the other services, on a real database: once, and without waiting."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from libs.common.web.problem_details import Problem
from services.gateway.notifications.watch import Watch, WatchRules
from services.gateway.tests.conftest import Gateway, build, upstreams
from services.gateway.tests.fakes import BATCH, summary
from services.gateway.tests.test_notifications import KEYS, NOW, SERVICES

pytestmark = pytest.mark.database


@pytest.fixture
def gateway(url: str) -> Iterator[Gateway]:
    made = build(url, seal_keys=KEYS, message_services=SERVICES)
    with made.engine.begin() as connection:
        connection.execute(text("TRUNCATE notification_channel, notification_event CASCADE"))
    yield made
    made.engine.dispose()


def line(status: str, **more: Any) -> dict[str, Any]:
    return {
        "batch_id": BATCH,
        "status": status,
        "approved_at": None,
        "rows": {"payable": 5},
        "amount_cents": {"payable": 500},
        **more,
    }


def prepare(gateway: Gateway, *batches: dict[str, Any]) -> Watch:
    gateway.ingest.will_answer("GET", "/batches", {"items": list(batches)})
    gateway.ledger.will_answer("GET", "/news", {"returns": [], "breaks": []})
    gateway.ledger.will_answer("GET", f"/batches/{BATCH}/money", {"sources": []})
    for fake in gateway.fakes.values():
        fake.will_answer("GET", "/health/ready", {"ready": True})
    rules = WatchRules(every_s=1, remind_h=24, failure_share=5)
    return Watch(gateway.engine, upstreams(gateway.fakes), rules, lambda: ["demo-admin"])


def turn(watch: Watch) -> None:
    asyncio.run(watch.turn_or_log())


def kinds(gateway: Gateway) -> list[str]:
    with gateway.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind FROM notification_event ORDER BY noticed_at"))
        return list(rows.scalars())


def test_a_batch_is_noticed_once_however_often_it_is_seen(gateway: Gateway) -> None:
    for _ in range(2):  # a second process has forgotten what it noted
        watch = prepare(gateway, line("ready"))
        turn(watch)
        turn(watch)
    assert kinds(gateway) == ["approval_waiting"]


def test_an_approval_that_waits_is_reminded_of(gateway: Gateway) -> None:
    watch = prepare(gateway, line("ready"))
    turn(watch)
    watch.clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    turn(watch)
    turn(watch)
    assert kinds(gateway) == ["approval_waiting", "approval_waiting"]


def test_an_approval_that_was_asked_for_at_once_is_reminded_of_until_it_is_sent_back(
    gateway: Gateway,
) -> None:
    request = {"request_id": "request-1", "state": "open", "ended_at": None}
    watch = prepare(gateway, line("ready", approval_request=request))
    turn(watch)
    watch.clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    turn(watch)
    assert kinds(gateway) == ["approval_waiting", "approval_waiting"]
    watch.clock = lambda: datetime.now(UTC) + timedelta(hours=50)
    back = {**request, "state": "sent_back", "ended_at": datetime.now(UTC).isoformat()}
    gateway.ingest.will_answer("GET", "/batches", {"items": [line("ready", approval_request=back)]})
    turn(watch)
    assert kinds(gateway) == ["approval_waiting", "approval_waiting", "sent_back"]


def test_a_finished_batch_is_told_only_with_figures_that_are_final(gateway: Gateway) -> None:
    watch = prepare(gateway, line("completed"))
    certificate = {
        name: {"amount_cents": 100 if name == "paid" else 0}
        for name in ("paid", "failed", "cancelled", "reversed")
    }
    batch = {**line("completed"), "certificate": certificate}
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", batch)
    behind = summary(completed=4, pending=1)
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/summary", behind)
    turn(watch)
    assert kinds(gateway) == []
    final = summary(completed=5)
    certificate["paid"]["amount_cents"] = final["payment_amount_cents"]["total"]
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/summary", final)
    turn(watch)
    assert kinds(gateway) == ["finished"]


def test_a_part_that_fails_leaves_the_others_and_is_asked_again(gateway: Gateway) -> None:
    watch = prepare(gateway, line("ready"))
    gateway.ingest.will_answer("GET", "/batches", {"unexpected": True})
    found = [{"batch_id": BATCH, "count": 1, "at": datetime.now(UTC).isoformat()}]
    gateway.ledger.will_answer("GET", "/news", {"returns": found, "breaks": []})
    turn(watch)
    assert kinds(gateway) == ["payment_returned"]
    prepare(gateway, line("ready"))
    turn(watch)
    assert kinds(gateway) == ["payment_returned", "approval_waiting"]


def test_a_service_is_red_after_two_minutes(gateway: Gateway) -> None:
    watch = prepare(gateway)
    gateway.reports.away = httpx.ConnectError("away")
    turn(watch)
    assert kinds(gateway) == []
    watch.clock = lambda: datetime.now(UTC) + timedelta(minutes=3)
    turn(watch)
    turn(watch)
    assert kinds(gateway) == ["operations_red"]


def test_only_what_is_new_is_asked_of_the_ledger(gateway: Gateway) -> None:
    watch = prepare(gateway)
    watch.clock = lambda: NOW
    turn(watch)
    assert "since=2026-11-25T12:00:00Z" in gateway.ledger.queries


def test_a_service_that_does_not_answer_is_waited_for_once_in_a_turn(gateway: Gateway) -> None:
    batches = [{**line("completed"), "batch_id": f"batch-{n}"} for n in range(5)]
    watch = prepare(gateway, *batches)
    asked: list[str] = []
    for n in range(5):
        gateway.reports.will_answer("GET", f"/batches/batch-{n}/summary", {}, 404)
    send = watch.services.reports.send

    async def away(call: Any) -> Any:
        asked.append(call.path)
        raise Problem(504, "upstream.timeout", "It did not answer.", "Try again.")

    watch.services.reports.send = away  # type: ignore[method-assign] # a stand-in
    turn(watch)
    assert [path for path in asked if path != "/health/ready"] == ["/batches/batch-0/summary"]
    assert ("GET", "/batches/batch-0") not in gateway.ingest.calls  # there is nothing to compare
    watch.services.reports.send = send  # type: ignore[method-assign] # a stand-in
    turn(watch)
    assert ("GET", "/batches/batch-4/summary") in gateway.reports.calls


def test_a_turn_shows_its_life_before_each_call(gateway: Gateway) -> None:
    watch = prepare(gateway, line("ready"))
    beats: list[int] = []
    watch.beat = lambda: beats.append(sum(len(one.calls) for one in gateway.fakes.values()))
    turn(watch)
    calls = sum(len(one.calls) for one in gateway.fakes.values())
    assert len(beats) == calls > 5


def test_a_source_that_stops_after_another_was_resumed_is_told(gateway: Gateway) -> None:
    watch = prepare(gateway, line("paying"))
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/summary", summary(pending=5))
    for source, at in (("A", "T1"), ("B", "T2"), ("A", "T3"), ("A", "T3")):
        stopped = [{"source_account_id": source, "stopped_at": at}]
        gateway.dispatcher.will_answer("GET", f"/batches/{BATCH}", {"stopped_sources": stopped})
        turn(watch)
    assert kinds(gateway) == ["source_stopped"] * 3
