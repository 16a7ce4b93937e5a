"""kill -9 between every two steps: whatever dies when, each message is applied once."""

import signal

import pytest

from tests.broker.harness import Harness, Worker

pytestmark = [pytest.mark.broker, pytest.mark.database]

CONSUMER_STEPS = (
    "poll",
    "offsets",
    "inbox",
    "apply",
    "outbox",
    "before-commit",
    "after-commit",
    "kafka-commit",
)
RELAY_STEPS = ("read", "produced", "flushed", "marked")


def test_a_consumer_killed_between_every_two_steps(harness: Harness) -> None:
    harness.produce(1_000)
    done = []
    for step in CONSUMER_STEPS:
        before = harness.applied()
        worker = harness.start(kill_at=f"{step}:2", next_topic=harness.second_topic, batch_max=40)
        assert worker.was_killed_by(signal.SIGKILL), harness.last_logs()
        done.append(harness.applied() - before)
    assert all(done), "each worker applied its first batch, and died in the second"
    harness.start(next_topic=harness.second_topic)
    harness.wait_until_applied(1_000)
    harness.assert_exactly_once()
    assert harness.number("SELECT count(*) FROM outbox") == 1_000


def test_what_the_killed_one_had_applied_is_there_exactly_if_it_had_committed(
    harness: Harness,
) -> None:
    harness.produce(200)
    for step, committed in (("before-commit", False), ("after-commit", True)):
        before = harness.applied()
        assert harness.start(kill_at=step).was_killed_by(signal.SIGKILL), harness.last_logs()
        assert (harness.applied() > before) is committed
    harness.start()
    harness.wait_until_applied(200)
    harness.assert_exactly_once()


def test_a_relay_killed_between_every_two_steps(harness: Harness) -> None:
    consumer = harness.start()
    for step in RELAY_STEPS:
        harness.put_into_outbox(200)
        assert harness.start("relay", kill_at=step).was_killed_by(signal.SIGKILL), (
            harness.last_logs()
        )
    harness.put_into_outbox(200)
    harness.start("relay")
    harness.wait_until_applied(1_000)
    harness.assert_exactly_once()
    assert harness.number("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
    assert consumer.process.poll() is None
    assert harness.records_on_topic() > 1_000, (
        "a relay killed before the mark sends again; the inbox takes it out"
    )


def test_a_chain_of_two_services_with_every_process_killed_at_random_steps(
    harness: Harness,
) -> None:
    plan = {
        "first": ["apply:3", "after-commit:2", "poll:4"],
        "relay": ["flushed:2", "produced:3", "marked:2"],
        "second": ["inbox:2", "before-commit:3", "kafka-commit:2"],
    }
    harness.produce(1_500)
    running: dict[str, Worker] = {}

    def is_done() -> bool:
        for name, kills in plan.items():
            if name not in running or running[name].process.poll() is not None:
                running[name] = _member(harness, name, kills.pop(0) if kills else "")
        return harness.applied(harness.second_topic) >= 1_500 and not any(plan.values())

    harness.wait_until(is_done, 60)
    harness.assert_exactly_once()
    harness.assert_exactly_once(harness.second_topic)
    assert sum(w.process.poll() == -signal.SIGKILL for w in harness.workers) >= 6


def _member(harness: Harness, name: str, kill_at: str) -> Worker:
    if name == "relay":
        return harness.start("relay", kill_at=kill_at)
    if name == "first":
        return harness.start(next_topic=harness.second_topic, kill_at=kill_at)
    return harness.start(topic=harness.second_topic, kill_at=kill_at)
