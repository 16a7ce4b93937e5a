"""The dispatcher against the simulator: its own books are the oracle."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from devtools.stack.ports import free_ports
from services.dispatcher import commands
from services.dispatcher.commands import Order
from services.dispatcher.provider import rate_limiter
from services.dispatcher.routes import eta_s
from services.dispatcher.tests.factories import Simulator, World, batch, wait

pytestmark = pytest.mark.database
COUNT = 60


@pytest.fixture
def world(make_database: Callable[[str], tuple[str, str]], tmp_path: Path) -> Iterator[World]:
    simulator = Simulator(tmp_path, free_ports(1)[0])
    made = World(make_database("dispatcher"), simulator)
    yield made
    made.end()
    simulator.stop()
    assert not made.errors


def paid_once(world: World, batch_id: UUID, count: int) -> None:
    alive = [p for p in world.simulator.payments() if p["status"] not in ("failed", "canceled")]
    per = Counter(p["metadata"]["payment_id"] for p in alive)
    assert len(per) == count, (len(per), world.statuses(batch_id))
    assert max(per.values()) == 1
    assert sum(p["amount"] for p in alive) == sum(100 + i for i in range(count))


def completed(world: World, batch_id: UUID, count: int) -> Callable[[], bool]:
    return lambda: world.statuses(batch_id) == {"completed": count} or bool(world.errors)


def test_a_calm_run_pays_each_once_and_takes_a_statement(world: World) -> None:
    batch_id = uuid4()
    batch(world, batch_id, COUNT)
    world.start()
    wait(completed(world, batch_id, COUNT), 30)
    paid_once(world, batch_id, COUNT)
    assert world.simulator.calls()["POST /payments"] == COUNT
    assert world.simulator.calls()["POST /accounts"] == COUNT + 2
    assert world.simulator.calls()["POST /entities"] == COUNT // 5 + 1
    wait(lambda: world.said("statement-closed.v1"), 15)
    closed, lines = world.said("statement-closed.v1")[0], world.said("statement-line.v1")
    assert (closed["complete"], closed["lines"], len(lines)) == (True, COUNT, COUNT)
    assert {line["employee_id"] for line in lines} == {f"EMP-{i // 5}" for i in range(COUNT)}
    assert {line["source_last4"] for line in lines} == {"9581", "5544"}
    versions = Counter(e["payment_id"] for e in world.said("payment-changed.v1"))
    for payment_id, count in versions.items():
        assert sorted(
            e["version"] for e in world.said("payment-changed.v1") if e["payment_id"] == payment_id
        ) == list(range(1, count + 1))


def test_lost_requests_lost_answers_and_stored_500s(world: World) -> None:
    world.simulator.put(
        "faults",
        {
            "seed": 3,
            "rules": [
                {"method": "POST", "path": "/payments", "share": 0.1, "fault": "lose_answer"},
                {"method": "POST", "path": "/payments", "share": 0.1, "fault": "lose_request"},
                {
                    "method": "POST",
                    "path": "/payments",
                    "share": 0.1,
                    "fault": "status",
                    "status": 500,
                    "execute": True,
                    "stored": True,
                },
                {
                    "method": "POST",
                    "path": "/payments",
                    "share": 0.1,
                    "fault": "status",
                    "status": 500,
                    "execute": False,
                    "stored": True,
                },
                {
                    "method": "POST",
                    "path": "/payments",
                    "share": 0.1,
                    "fault": "status",
                    "status": 503,
                    "execute": False,
                    "stored": False,
                },
                {"method": "POST", "path": "/accounts", "share": 0.1, "fault": "lose_answer"},
                {
                    "method": "POST",
                    "path": "/accounts",
                    "share": 0.05,
                    "fault": "status",
                    "status": 500,
                    "execute": True,
                    "stored": True,
                },
                {
                    "method": "POST",
                    "path": "/entities",
                    "share": 0.2,
                    "fault": "status",
                    "status": 500,
                    "execute": False,
                    "stored": True,
                },
            ],
        },
    )
    batch_id = uuid4()
    batch(world, batch_id, COUNT)
    world.start()
    wait(completed(world, batch_id, COUNT), 90)
    paid_once(world, batch_id, COUNT)
    assert all(p["idempotency_key"] for p in world.simulator.payments())


def test_a_batch_that_only_waits_for_approval_is_prepared_but_not_paid(world: World) -> None:
    batch_id = uuid4()
    batch(world, batch_id, 20, status="ready")
    world.start()
    wait(lambda: world.simulator.calls().get("POST /accounts", 0) == 22, 20)
    assert world.simulator.payments() == []


def test_after_a_cancel_nothing_more_is_sent(world: World) -> None:
    batch_id = uuid4()
    batch(world, batch_id, 300)
    world.start()
    wait(lambda: len(world.simulator.payments()) > 10, 30)
    with world.engine.begin() as connection:
        assert commands.command(connection, batch_id, "cancel", Order("a", "enough")) == "cancelled"
    sent = world.sql("SELECT count(*) AS n FROM attempt WHERE kind = 'payment'")[0].n
    wait(lambda: set(world.statuses(batch_id)) == {"completed", "cancelled"}, 40)
    assert world.sql("SELECT count(*) AS n FROM attempt WHERE kind = 'payment'")[0].n == sent
    assert world.statuses(batch_id)["completed"] == len(world.simulator.payments()) < 300
    wait(lambda: world.said("statement-closed.v1"), 15)


def test_while_paused_nothing_is_sent_and_resume_pays_the_rest(world: World) -> None:
    batch_id = uuid4()
    batch(world, batch_id, 150)
    world.start()
    wait(lambda: len(world.simulator.payments()) > 5, 30)
    with world.engine.begin() as connection:
        commands.command(connection, batch_id, "pause", Order("a", ""))
    wait(lambda: not world.statuses(batch_id).get("sending"), 20)
    before = len(world.simulator.payments())
    world.stop.wait(1.0)
    assert len(world.simulator.payments()) == before < 150
    with world.engine.begin() as connection:
        commands.command(connection, batch_id, "resume", Order("a", ""))
    wait(completed(world, batch_id, 150), 40)
    paid_once(world, batch_id, 150)


def test_two_dispatchers_on_one_database_pay_each_once(world: World) -> None:
    other = World.__new__(World)
    other.__dict__ |= {**world.__dict__, "threads": [], "errors": world.errors}
    batch_id = uuid4()
    batch(world, batch_id, COUNT)
    world.start()
    other.start()
    wait(completed(world, batch_id, COUNT), 40)
    paid_once(world, batch_id, COUNT)
    assert world.simulator.calls()["POST /payments"] == COUNT


def test_known_people_and_loans_are_used_again(world: World) -> None:
    first, second = uuid4(), uuid4()
    batch(world, first, 20)
    world.start()
    wait(completed(world, first, 20), 30)
    before = world.simulator.calls()
    batch(world, second, 20)
    wait(completed(world, second, 20), 30)
    after = world.simulator.calls()
    assert (after["POST /entities"], after["POST /accounts"]) == (
        before["POST /entities"],
        before["POST /accounts"],
    )
    assert after["POST /payments"] == before["POST /payments"] + 20


def test_a_payor_whose_zip_is_elsewhere_is_reported_before_approval_and_mended_by_the_correction(
    world: World,
) -> None:
    batch_id = uuid4()
    batch(world, batch_id, 5, status="checking", version=1, zip_code="67485")
    world.start()
    wait(lambda: world.said("preflight-done.v1"), 20)
    said = world.said("preflight-done.v1")[0]
    assert said["checked"]
    assert {p["source_account_id"] for p in said["source_problems"]} == {"CORP-0", "CORP-1"}
    batch(world, batch_id, 5, zip_code="50613")
    wait(completed(world, batch_id, 5), 30)


def test_a_source_without_funds_stops_fails_no_row_and_pays_all_after_a_resume(
    world: World,
) -> None:
    world.simulator.put(
        "faults",
        {
            "seed": 1,
            "rules": [
                {
                    "method": "POST",
                    "path": "/payments",
                    "share": 1.0,
                    "fault": "status",
                    "status": 400,
                    "sub_type": "INSUFFICIENT_FUNDS",
                    "execute": False,
                    "stored": True,
                }
            ],
        },
    )
    batch_id = uuid4()
    batch(world, batch_id, COUNT)
    world.start()
    wait(lambda: len(world.sql("SELECT 1 FROM source_stop")) == 2, 30)
    wait(lambda: world.statuses(batch_id) == {"unprocessed": COUNT}, 20)
    assert world.simulator.calls()["POST /payments"] <= 2 * world.concurrency
    assert {s["reason_code"] for s in world.said("dispatch-changed.v1")[-1]["stopped_sources"]} == {
        "insufficient_funds"
    }
    world.simulator.put("faults", {"seed": 1, "rules": []})
    with world.engine.begin() as connection:
        commands.command(connection, batch_id, "resume", Order("a", "funded"))
    wait(completed(world, batch_id, COUNT), 30)
    paid_once(world, batch_id, COUNT)


def test_the_limiter_shows_its_tiers_and_an_honest_eta(world: World) -> None:
    batch_id = uuid4()
    batch(world, batch_id, 12)
    with world.engine.connect() as connection:
        assert {tier["tier"] for tier in rate_limiter.state(connection)} == set(
            rate_limiter.PROFILES["demo"]
        )
        assert all(
            tier["busy_s"] == tier["closed_s"] == 0 for tier in rate_limiter.state(connection)
        )
        assert eta_s(connection, batch_id) == 1
    rate_limiter.configure(world.engine, {rate_limiter.PAYMENTS: 2})
    with world.engine.begin() as connection:
        rate_limiter.close(connection, rate_limiter.PAYMENTS, 60)
        assert eta_s(connection, batch_id) == 12 * 30 + 60
        assert rate_limiter.take(connection, rate_limiter.PAYMENTS, 1) == 0
