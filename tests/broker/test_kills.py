"""kill -9 between every two steps: whatever dies when, each message is applied once."""

import signal

import pytest

from tests.broker.field import Field, Worker

pytestmark = [pytest.mark.broker, pytest.mark.database]

CONSUMER_STEPS = (
    "poll",
    "offsets",
    "inbox",
    "apply",
    "outbox",
    "before-commit",
    "after-commit",
    "told",
)
RELAY_STEPS = ("read", "produced", "flushed", "marked")


def test_a_consumer_killed_between_every_two_steps(field: Field) -> None:
    field.produce(1_000)
    done = []
    for step in CONSUMER_STEPS:
        before = field.applied()
        worker = field.start(strike=f"{step}:2", next_topic=field.second, batch_max=40)
        assert worker.died_of(signal.SIGKILL), field.story()
        done.append(field.applied() - before)
    assert all(done), "each second life applied its first batch, and died in the second"
    field.start(next_topic=field.second)
    field.until_applied(1_000)
    field.exact()
    assert field.rows("SELECT count(*) FROM outbox")[0][0] == 1_000


def test_what_the_killed_one_had_applied_is_there_exactly_if_it_had_committed(field: Field) -> None:
    field.produce(200)
    for step, committed in (("before-commit", False), ("after-commit", True)):
        before = field.applied()
        assert field.start(strike=step).died_of(signal.SIGKILL), field.story()
        assert (field.applied() > before) is committed
    field.start()
    field.until_applied(200)
    field.exact()


def test_a_relay_killed_between_every_two_steps(field: Field) -> None:
    consumer = field.start()
    for step in RELAY_STEPS:
        field.put(200)
        assert field.start("relay", strike=step).died_of(signal.SIGKILL), field.story()
    field.put(200)
    field.start("relay")
    field.until_applied(1_000)
    field.exact()
    assert field.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0] == 0
    assert consumer.process.poll() is None
    assert field.on_topic() > 1_000, (
        "a relay killed before the mark sends again; the inbox takes it out"
    )


def test_a_chain_of_two_services_with_everybody_killed_at_random_steps(field: Field) -> None:
    plan = {
        "first": ["apply:3", "after-commit:2", "poll:4"],
        "relay": ["flushed:2", "produced:3", "marked:2"],
        "second": ["inbox:2", "before-commit:3", "told:2"],
    }
    field.produce(1_500)
    running: dict[str, Worker] = {}

    def is_done() -> bool:
        for name, strikes in plan.items():
            if name not in running or running[name].process.poll() is not None:
                running[name] = _member(field, name, strikes.pop(0) if strikes else "")
        return field.applied(field.second) >= 1_500 and not any(plan.values())

    field.until(is_done, 60)
    field.exact()
    field.exact(field.second)
    assert sum(w.process.poll() == -signal.SIGKILL for w in field.workers) >= 6


def _member(field: Field, name: str, strike: str) -> Worker:
    if name == "relay":
        return field.start("relay", strike=strike)
    if name == "first":
        return field.start(next_topic=field.second, strike=strike)
    return field.start(topic=field.second, strike=strike)
