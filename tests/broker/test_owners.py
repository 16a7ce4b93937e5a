"""Two workers that both hold the same partitions: compare-and-swap of offsets lets one write."""

import signal
import time
from typing import Any

import pytest

from tests.broker.harness import Harness, Worker

pytestmark = [pytest.mark.broker, pytest.mark.database]
ROUNDS = 20


def test_two_workers_both_take_all_partitions(harness: Harness) -> None:
    harness.produce(2_000)
    workers = [harness.start(take_all=True, batch_max=25) for _ in range(2)]

    def winners() -> set[int]:
        return {row.pid for row in harness.rows("SELECT DISTINCT pid FROM applied")}

    harness.wait_until_applied(2_000)
    for _ in range(ROUNDS):  # a process that starts late finds nothing left of the first ones
        harness.produce(1_000)
        harness.wait_until_applied(len(harness.sent))
        if len(winners()) == 2:
            break
    harness.assert_exactly_once()
    assert all(w.process.poll() is None for w in workers), harness.last_logs()
    assert winners() == {w.process.pid for w in workers}, (
        "both must have written, or nothing was tried"
    )
    assert sum(w.count_logged("stale_owner") for w in workers) > 0


def freeze(harness: Harness, step: str, **more: Any) -> Worker:
    """A worker alone with everything, frozen by itself at a step."""
    worker = harness.start(kill_at=step, signal="STOP", **more)
    harness.wait_until(worker.is_stopped)
    return worker


def test_a_worker_frozen_past_its_session_wakes_with_a_batch_in_hand(harness: Harness) -> None:
    harness.produce(400)
    frozen = freeze(harness, "poll:3")
    other = harness.start()
    harness.wait_until_applied(
        400
    )  # the other has taken over and applied the batch of the frozen one
    frozen.send(signal.SIGCONT)
    harness.wait_until(lambda: frozen.count_logged("stale_owner") > 0)
    harness.produce(400)
    harness.wait_until_applied(800)
    harness.assert_exactly_once()
    assert (frozen.process.poll(), other.process.poll()) == (None, None), harness.last_logs()
    harness.produce(2_000)
    harness.wait_until_applied(2_800)
    # it is a member again, and works
    harness.wait_until(lambda: _wrote(harness, frozen, after=800))
    harness.assert_exactly_once()


def _wrote(harness: Harness, worker: Worker, after: int) -> bool:
    if harness.rows(
        "SELECT FROM applied WHERE pid = :pid AND number >= :after LIMIT 1",
        pid=worker.process.pid,
        after=after,
    ):
        return True
    harness.produce(50)
    time.sleep(0.2)
    harness.wait_until_applied(len(harness.sent))
    return False


def test_a_worker_frozen_in_its_transaction_loses_it_and_goes_on(harness: Harness) -> None:
    harness.produce(400)
    frozen = freeze(harness, "apply:3", idle_limit_ms=1_500)
    other = harness.start()
    harness.wait_until_applied(400)
    frozen.send(signal.SIGCONT)
    harness.wait_until(lambda: frozen.count_logged("stale_owner") > 0)
    harness.produce(400)
    harness.wait_until_applied(800)
    harness.assert_exactly_once()
    assert frozen.count_logged("retry") > 0
    assert (frozen.process.poll(), other.process.poll()) == (None, None), harness.last_logs()


def test_a_worker_frozen_after_its_commit_tells_nobody_anything_wrong(harness: Harness) -> None:
    harness.produce(400)
    frozen = freeze(harness, "after-commit:2")
    harness.start()
    harness.wait_until_applied(400)
    frozen.send(signal.SIGCONT)
    harness.produce(400)
    harness.wait_until_applied(800)
    harness.assert_exactly_once()
    assert frozen.process.poll() is None, harness.last_logs()


def test_members_come_and_go_each_second_under_load(harness: Harness) -> None:
    harness.start("relay")
    members = [harness.start(batch_max=40)]
    began, turn = time.monotonic(), 0
    while time.monotonic() - began < 12:
        harness.put_into_outbox(150)
        members.append(harness.start(batch_max=40))
        # the load continues while they come and go
        harness.wait_until(lambda: harness.applied() > len(harness.sent) - 450, 20)
        leaving = members.pop(0)
        if turn % 2:
            leaving.send(signal.SIGKILL)
        else:
            leaving.stop()
        turn += 1
        time.sleep(max(0.0, turn * 1.0 - (time.monotonic() - began)))
    assert turn >= 4
    harness.wait_until_applied(len(harness.sent))
    harness.assert_exactly_once()
    assert len({row.pid for row in harness.rows("SELECT DISTINCT pid FROM applied")}) >= 3
