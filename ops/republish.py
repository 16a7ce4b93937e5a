"""`python -m services refill <name …>|all`, and `refill watch`: fill a broker that has lost its topics again (docs/runbooks/broker-lost.md)."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Fatal, SettingsError
from libs.common.contracts.topics import TOPICS, Topic
from libs.common.database.engine import connect, error_summary, run
from libs.common.messaging import kafka
from libs.common.recovery import republish
from libs.common.runtime.settings import read_one

Say = Callable[[str], None]
WATCH_S, WATCH_MAX_S = 2.0, 24 * 3600.0
DURABILITY = ("fsync", "synchronous_commit")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def topics_of(service: str) -> list[Topic]:
    """What a service writes or reads."""
    return [topic for topic in TOPICS if service == topic.producer or service in topic.consumers]


def speaking(names: Sequence[str]) -> list[str]:
    """Those of the names that have an outbox or an inbox."""
    return [name for name in names if topics_of(name)]


def main(names: Sequence[str], say: Say = _say) -> int:
    """Prepare the databases of these services; all are looked at before the first is changed. Exit code 0, or 2 with one sentence."""
    try:
        with _engines(names) as engines:
            held = republish.topics_on_broker(_kafka(names[0]), TOPICS)
            lost = _lost(engines, held)
            republish.refuse_older(
                {
                    name: republish.outbox_counts(engine, name, TOPICS)
                    for name, engine in engines.items()
                },
                {
                    name: republish.inbox_counts(engine, name, TOPICS)
                    for name, engine in engines.items()
                },
            )
            for name in lost:
                done = republish.republish(engines[name], name, topics_of(name), held)
                say(
                    f"{name}: {done.waiting} messages wait to be sent ({done.put_back} of them were sent before the loss); {done.forgotten} offsets forgotten"
                )
    except SQLAlchemyError as error:
        sys.stderr.write(
            f"A database cannot be used: {error_summary(error)}. What was said above is done; repeat the command for the rest.\n"
        )
        return 2
    except (SettingsError, Fatal, republish.Refused) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    say(
        "Start the services now: their relays send in the old order, and the inboxes drop what was applied before. "
        "`python -m services refill watch` counts; no payment is made again."
    )
    return 0


def _lost(engines: Mapping[str, Engine], held: Mapping[str, republish.TopicOnBroker]) -> list[str]:
    """The services that have lost something, or wait since an earlier call.

    Raises:
        Refused: a service is running, or a topic is not as it must be, or none has lost anything.
    """
    lost, whole = [], None
    for name, engine in engines.items():
        try:
            republish.republish(engine, name, topics_of(name), held, only_look=True)
            lost.append(name)
        except republish.NothingLost as error:
            whole = error
    if whole is not None and not lost:
        raise whole
    return lost


def watch(names: Sequence[str], say: Say = _say) -> int:
    """Say every two seconds how many messages are still to be sent and to be read, until none is; then the rate and how durable each was."""
    began, most = time.monotonic(), 0
    try:
        with _engines(names) as engines:
            sent_s = 0.0
            while True:
                held = republish.topics_on_broker(_kafka(names[0]), TOPICS)
                counts = [
                    republish.remaining(engine, name, topics_of(name), held)
                    for name, engine in engines.items()
                ]
                unsent, unread = (
                    sum(sending for sending, _ in counts),
                    sum(reading for _, reading in counts),
                )
                most, past_s = max(most, unsent), time.monotonic() - began
                sent_s = sent_s or (past_s if not unsent else 0.0)
                say(f"{unsent} messages to be sent, {unread} to be read")
                if (not unsent and not unread) or past_s > WATCH_MAX_S:
                    break
                time.sleep(WATCH_S)
            if most:
                say(
                    f"{most} messages sent in {sent_s:.0f} s ({most / sent_s:,.0f}/s) and read after {past_s:.0f} s: {_durability(engines, _kafka(names[0]))}"
                )
    except SQLAlchemyError as error:
        sys.stderr.write(
            f"A database cannot be read ({type(error).__name__}). This only counts; begin it again when the database answers.\n"
        )
        return 2
    except (SettingsError, Fatal) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _durability(engines: Mapping[str, Engine], bootstrap: str) -> str:
    """The settings under which a rate was measured."""
    with next(iter(engines.values())).connect() as connection:
        database = ", ".join(
            f"{name}={run(connection, f'SHOW {name}').scalar()}" for name in DURABILITY
        )
    replicas = kafka.effective_settings(bootstrap, TOPICS[0].name)["min.insync.replicas"]
    return f"{database} (PostgreSQL); acks=all, min.insync.replicas={replicas} (Kafka)"


@contextmanager
def _engines(names: Sequence[str]) -> Iterator[dict[str, Engine]]:
    """The databases of these services, as their own roles, under a name that is not the services'."""
    engines = {
        name: connect(
            read_one(name, "database_url", "it names the database to be prepared"),
            f"refill-{name}",
            1,
        )
        for name in names
    }
    try:
        yield engines
    finally:
        for engine in engines.values():
            engine.dispose()


def _kafka(name: str) -> str:
    return read_one(name, "kafka", "", "127.0.0.1:19092")
