"""Two who think they own the same partitions: the compare-and-swap of the offsets lets one of them write."""

import signal
import time
from typing import Any

import pytest

from tests.broker.field import Field, Worker

pytestmark = [pytest.mark.broker, pytest.mark.database]
ROUNDS = 20


def test_two_workers_duel_over_all_partitions(field: Field) -> None:
    field.produce(2_000)
    workers = [field.start(duel=True, batch_max=25) for _ in range(2)]

    def winners() -> set[int]:
        return {row.pid for row in field.rows("SELECT DISTINCT pid FROM applied")}

    field.until_applied(2_000)
    for _ in range(ROUNDS):  # a process that starts late finds nothing left of the first ones
        field.produce(1_000)
        field.until_applied(len(field.sent))
        if len(winners()) == 2:
            break
    field.exact()
    assert all(w.process.poll() is None for w in workers), field.story()
    assert winners() == {w.process.pid for w in workers}, (
        "both must have written, or it was no duel"
    )
    assert sum(w.said("stale_owner") for w in workers) > 0


def freeze(field: Field, step: str, **more: Any) -> Worker:
    """A worker alone with everything, frozen by itself at a step."""
    worker = field.start(strike=step, signal="STOP", **more)
    field.until(worker.is_stopped)
    return worker


def test_a_worker_frozen_past_its_session_wakes_with_a_batch_in_hand(field: Field) -> None:
    field.produce(400)
    frozen = freeze(field, "poll:3")
    other = field.start()
    field.until_applied(400)  # the other has taken over and applied what the frozen one holds
    frozen.send(signal.SIGCONT)
    field.until(lambda: frozen.said("stale_owner") > 0)
    field.produce(400)
    field.until_applied(800)
    field.exact()
    assert (frozen.process.poll(), other.process.poll()) == (None, None), field.story()
    field.produce(2_000)
    field.until_applied(2_800)
    field.until(lambda: _wrote(field, frozen, after=800))  # it is a member again, and works
    field.exact()


def _wrote(field: Field, worker: Worker, after: int) -> bool:
    if field.rows(
        "SELECT FROM applied WHERE pid = :pid AND number >= :after LIMIT 1",
        pid=worker.process.pid,
        after=after,
    ):
        return True
    field.produce(50)
    time.sleep(0.2)
    field.until_applied(len(field.sent))
    return False


def test_a_worker_frozen_in_its_transaction_loses_it_and_goes_on(field: Field) -> None:
    field.produce(400)
    frozen = freeze(field, "apply:3", idle_limit_ms=1_500)
    other = field.start()
    field.until_applied(400)
    frozen.send(signal.SIGCONT)
    field.until(lambda: frozen.said("stale_owner") > 0)
    field.produce(400)
    field.until_applied(800)
    field.exact()
    assert frozen.said("retry") > 0
    assert (frozen.process.poll(), other.process.poll()) == (None, None), field.story()


def test_a_worker_frozen_after_its_commit_tells_nobody_anything_wrong(field: Field) -> None:
    field.produce(400)
    frozen = freeze(field, "after-commit:2")
    field.start()
    field.until_applied(400)
    frozen.send(signal.SIGCONT)
    field.produce(400)
    field.until_applied(800)
    field.exact()
    assert frozen.process.poll() is None, field.story()


def test_members_come_and_go_each_second_under_load(field: Field) -> None:
    field.start("relay")
    members = [field.start(batch_max=40)]
    began, turn = time.monotonic(), 0
    while time.monotonic() - began < 12:
        field.put(150)
        members.append(field.start(batch_max=40))
        field.until(
            lambda: field.applied() > len(field.sent) - 450, 20
        )  # the load goes on while they come and go
        leaving = members.pop(0)
        if turn % 2:
            leaving.send(signal.SIGKILL)
        else:
            leaving.end()
        turn += 1
        time.sleep(max(0.0, turn * 1.0 - (time.monotonic() - began)))
    assert turn >= 4
    field.until_applied(len(field.sent))
    field.exact()
    assert len({row.pid for row in field.rows("SELECT DISTINCT pid FROM applied")}) >= 3
