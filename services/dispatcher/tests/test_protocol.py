"""The running dispatcher against the simulator, whose own books say what was paid."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from devtools.stack.ports import free_ports
from services.dispatcher import commands
from services.dispatcher.commands import Order
from services.dispatcher.provider import rate_limiter
from services.dispatcher.routes import eta_s
from services.dispatcher.tests.factories import announce_batch
from services.dispatcher.tests.running import RunningDispatcher, SimulatorProcess, wait_until

pytestmark = pytest.mark.database
COUNT = 60


@pytest.fixture
def dispatcher(
    make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[RunningDispatcher]:
    simulator = SimulatorProcess(tmp_path, free_ports(1)[0])
    made = RunningDispatcher(make_database("dispatcher"), simulator)
    yield made
    made.end()
    simulator.stop()
    assert not made.errors


def paid_once(dispatcher: RunningDispatcher, batch_id: UUID, count: int) -> None:
    alive = [
        p for p in dispatcher.simulator.payments() if p["status"] not in ("failed", "canceled")
    ]
    per = Counter(p["metadata"]["payment_id"] for p in alive)
    assert len(per) == count, (len(per), dispatcher.statuses(batch_id))
    assert max(per.values()) == 1
    assert sum(p["amount"] for p in alive) == sum(100 + i for i in range(count))


def completed(dispatcher: RunningDispatcher, batch_id: UUID, count: int) -> Callable[[], bool]:
    return lambda: dispatcher.statuses(batch_id) == {"completed": count} or bool(dispatcher.errors)


def test_a_calm_run_pays_each_once_and_takes_a_statement(dispatcher: RunningDispatcher) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, COUNT)
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, COUNT), 30)
    paid_once(dispatcher, batch_id, COUNT)
    assert dispatcher.simulator.calls()["POST /payments"] == COUNT
    assert dispatcher.simulator.calls()["POST /accounts"] == COUNT + 2
    assert dispatcher.simulator.calls()["POST /entities"] == COUNT // 5 + 1
    wait_until(lambda: dispatcher.published("statement-closed.v1"), 15)
    closed, lines = (
        dispatcher.published("statement-closed.v1")[0],
        dispatcher.published("statement-line.v1"),
    )
    assert (closed["complete"], closed["lines"], len(lines)) == (True, COUNT, COUNT)
    assert {line["employee_id"] for line in lines} == {f"EMP-{i // 5}" for i in range(COUNT)}
    assert {line["source_last4"] for line in lines} == {"9581", "5544"}
    versions = Counter(e["payment_id"] for e in dispatcher.published("payment-changed.v1"))
    for payment_id, count in versions.items():
        assert sorted(
            e["version"]
            for e in dispatcher.published("payment-changed.v1")
            if e["payment_id"] == payment_id
        ) == list(range(1, count + 1))


def fault(path: str, share: float, name: str) -> dict[str, Any]:
    return {"method": "POST", "path": path, "share": share, "fault": name}


def status_fault(path: str, share: float, status: int, **more: Any) -> dict[str, Any]:
    return {**fault(path, share, "status"), "status": status, **more}


def test_lost_requests_lost_answers_and_stored_500s(dispatcher: RunningDispatcher) -> None:
    dispatcher.simulator.put_faults(
        3,
        fault("/payments", 0.1, "lose_answer"),
        fault("/payments", 0.1, "lose_request"),
        status_fault("/payments", 0.1, 500, execute=True, stored=True),
        status_fault("/payments", 0.1, 500, execute=False, stored=True),
        status_fault("/payments", 0.1, 503, execute=False, stored=False),
        fault("/accounts", 0.1, "lose_answer"),
        status_fault("/accounts", 0.05, 500, execute=True, stored=True),
        status_fault("/entities", 0.2, 500, execute=False, stored=True),
    )
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, COUNT)
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, COUNT), 90)
    paid_once(dispatcher, batch_id, COUNT)
    assert all(p["idempotency_key"] for p in dispatcher.simulator.payments())


def test_a_batch_that_only_waits_for_approval_is_prepared_but_not_paid(
    dispatcher: RunningDispatcher,
) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, 20, status="ready")
    dispatcher.start()
    wait_until(lambda: dispatcher.simulator.calls().get("POST /accounts", 0) == 22, 20)
    assert dispatcher.simulator.payments() == []


def test_after_a_cancel_nothing_more_is_sent(dispatcher: RunningDispatcher) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, 300)
    dispatcher.start()
    wait_until(lambda: len(dispatcher.simulator.payments()) > 10, 30)
    with dispatcher.engine.begin() as connection:
        assert (
            commands.order_batch(connection, batch_id, "cancel", Order("a", "enough"))
            == "cancelled"
        )
    sent = dispatcher.sql("SELECT count(*) AS n FROM attempt WHERE kind = 'payment'")[0].n
    wait_until(lambda: set(dispatcher.statuses(batch_id)) == {"completed", "cancelled"}, 40)
    assert dispatcher.sql("SELECT count(*) AS n FROM attempt WHERE kind = 'payment'")[0].n == sent
    assert dispatcher.statuses(batch_id)["completed"] == len(dispatcher.simulator.payments()) < 300
    wait_until(lambda: dispatcher.published("statement-closed.v1"), 15)


def test_while_paused_nothing_is_sent_and_resume_pays_the_rest(
    dispatcher: RunningDispatcher,
) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, 150)
    dispatcher.start()
    wait_until(lambda: len(dispatcher.simulator.payments()) > 5, 30)
    with dispatcher.engine.begin() as connection:
        commands.order_batch(connection, batch_id, "pause", Order("a", ""))
    wait_until(lambda: not dispatcher.statuses(batch_id).get("sending"), 20)
    before = len(dispatcher.simulator.payments())
    dispatcher.stop.wait(1.0)
    assert len(dispatcher.simulator.payments()) == before < 150
    with dispatcher.engine.begin() as connection:
        commands.order_batch(connection, batch_id, "resume", Order("a", ""))
    wait_until(completed(dispatcher, batch_id, 150), 40)
    paid_once(dispatcher, batch_id, 150)


def test_two_dispatchers_on_one_database_pay_each_once(dispatcher: RunningDispatcher) -> None:
    other = RunningDispatcher.__new__(RunningDispatcher)
    other.__dict__ |= {**dispatcher.__dict__, "threads": [], "errors": dispatcher.errors}
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, COUNT)
    dispatcher.start()
    other.start()
    wait_until(completed(dispatcher, batch_id, COUNT), 40)
    paid_once(dispatcher, batch_id, COUNT)
    assert dispatcher.simulator.calls()["POST /payments"] == COUNT


def test_known_people_and_loans_are_used_again(dispatcher: RunningDispatcher) -> None:
    first, second = uuid4(), uuid4()
    announce_batch(dispatcher.engine, first, 20)
    dispatcher.start()
    wait_until(completed(dispatcher, first, 20), 30)
    before = dispatcher.simulator.calls()
    announce_batch(dispatcher.engine, second, 20)
    wait_until(completed(dispatcher, second, 20), 30)
    after = dispatcher.simulator.calls()
    assert (after["POST /entities"], after["POST /accounts"]) == (
        before["POST /entities"],
        before["POST /accounts"],
    )
    assert after["POST /payments"] == before["POST /payments"] + 20


def test_a_payor_whose_zip_is_elsewhere_is_reported_before_approval_and_mended_by_the_correction(
    dispatcher: RunningDispatcher,
) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, 5, status="checking", version=1, zip_code="67485")
    dispatcher.start()
    wait_until(lambda: dispatcher.published("preflight-done.v1"), 20)
    answer = dispatcher.published("preflight-done.v1")[0]
    assert answer["checked"]
    assert {p["source_account_id"] for p in answer["source_problems"]} == {"CORP-0", "CORP-1"}
    announce_batch(dispatcher.engine, batch_id, 5, zip_code="50613")
    wait_until(completed(dispatcher, batch_id, 5), 30)


def test_a_source_without_funds_stops_fails_no_row_and_pays_all_after_a_resume(
    dispatcher: RunningDispatcher,
) -> None:
    refusal = status_fault(
        "/payments", 1.0, 400, sub_type="INSUFFICIENT_FUNDS", execute=False, stored=True
    )
    dispatcher.simulator.put_faults(1, refusal)
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, COUNT)
    dispatcher.start()
    wait_until(lambda: len(dispatcher.sql("SELECT 1 FROM source_stop")) == 2, 30)
    wait_until(lambda: dispatcher.statuses(batch_id) == {"unprocessed": COUNT}, 20)
    assert dispatcher.simulator.calls()["POST /payments"] <= 2 * dispatcher.concurrency
    assert {
        s["reason_code"] for s in dispatcher.published("dispatch-changed.v1")[-1]["stopped_sources"]
    } == {"insufficient_funds"}
    dispatcher.simulator.put_faults(1)
    with dispatcher.engine.begin() as connection:
        commands.order_batch(connection, batch_id, "resume", Order("a", "funded"))
    wait_until(completed(dispatcher, batch_id, COUNT), 30)
    paid_once(dispatcher, batch_id, COUNT)


def test_the_limiter_shows_its_tiers_and_an_honest_eta(dispatcher: RunningDispatcher) -> None:
    batch_id = uuid4()
    announce_batch(dispatcher.engine, batch_id, 12)
    with dispatcher.engine.connect() as connection:
        assert {tier["tier"] for tier in rate_limiter.read_tiers(connection)} == set(
            rate_limiter.PROFILES["demo"]
        )
        assert all(
            tier["busy_s"] == tier["closed_s"] == 0 for tier in rate_limiter.read_tiers(connection)
        )
        assert eta_s(connection, batch_id) == 1
    rate_limiter.configure(dispatcher.engine, {rate_limiter.PAYMENTS: 2})
    with dispatcher.engine.begin() as connection:
        rate_limiter.close(connection, rate_limiter.PAYMENTS, 60)
        assert eta_s(connection, batch_id) == 12 * 30 + 60
        assert eta_s(connection, batch_id, payable=20) == 20 * 30 + 60  # before an approval
        assert rate_limiter.take(connection, rate_limiter.PAYMENTS, 1) == 0
