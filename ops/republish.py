"""`python -m ops republish SERVICE …|all|watch`: fill a broker that has lost its topics.

The services send from their outboxes again what is lost (docs/runbooks/broker-lost.md). `watch`
counts how many messages are still to be sent and read.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Fatal, SettingsError
from libs.common.contracts.topics import TOPICS
from libs.common.database.engine import connect, error_summary, run
from libs.common.messaging import kafka
from libs.common.recovery import republish as recovery
from libs.common.runtime.settings import read_one
from ops.errors import CommandError
from services import catalog

WATCH_S, WATCH_MAX_S = 2.0, 24 * 3600.0
DURABILITY = ("fsync", "synchronous_commit")
Say = Callable[[str], None]


def _say(line: str) -> None:
    print(line, flush=True)


def require_topics(names: Sequence[str]) -> list[str]:
    """The services among these that write or read topics.

    Raises:
        CommandError: none does.
    """
    found = [name for name in names if name in catalog.ON_KAFKA]
    if not found:
        raise CommandError(
            f"{', '.join(names)}: neither writes to Kafka nor reads from it; "
            f"there is nothing to republish"
        )
    return found


def republish(names: Sequence[str], say: Say = _say) -> None:
    """Prepare the databases of these services, which must be stopped.

    All are checked before the first is changed. A second call finds nothing left to do.

    Raises:
        CommandError: a setting is missing, a server does not answer, nothing was lost, or
            republishing would be wrong.
    """
    try:
        with _engines(names) as engines:
            broker = recovery.topics_on_broker(_kafka(names[0]), TOPICS)
            affected = _affected(engines, broker)
            recovery.refuse_older(
                {name: recovery.outbox_counts(engines[name], name, TOPICS) for name in engines},
                {name: recovery.inbox_counts(engines[name], name, TOPICS) for name in engines},
            )
            for name in affected:
                topics = catalog.find(name).topics
                done = recovery.republish(engines[name], name, topics, broker)
                say(
                    f"{name}: {done.waiting} messages wait to be sent "
                    f"({done.put_back} of them were sent before the loss); "
                    f"{done.forgotten} offsets forgotten"
                )
    except SQLAlchemyError as error:
        raise CommandError(
            f"a database cannot be used: {error_summary(error)}. "
            f"The services printed above are done; repeat the command for the others."
        ) from None
    except (SettingsError, Fatal, recovery.Refused) as error:
        raise CommandError(str(error)) from None
    say(
        "Start the services now: they send in the old order, and the inboxes drop what was "
        "applied before. `python -m ops republish watch` counts; no payment is made again."
    )


def _affected(
    engines: Mapping[str, Engine], broker: Mapping[str, recovery.TopicOnBroker]
) -> list[str]:
    """The services that have lost something, or that an earlier call has prepared.

    Raises:
        Refused: a service is running, a topic is not as it must be, or none has lost anything.
    """
    affected, nothing_lost = [], None
    for name, engine in engines.items():
        topics = catalog.find(name).topics
        try:
            recovery.republish(engine, name, topics, broker, only_look=True)
            affected.append(name)
        except recovery.NothingLost as error:
            nothing_lost = error
    if nothing_lost is not None and not affected:
        raise nothing_lost
    return affected


def watch(names: Sequence[str], say: Say = _say) -> None:
    """Count every two seconds what is to be sent and read, until nothing is; then print the rate.

    Raises:
        CommandError: a setting is missing, or a server does not answer.
    """
    try:
        with _engines(names) as engines:
            _count_down(engines, _kafka(names[0]), say)
    except SQLAlchemyError as error:
        raise CommandError(
            f"a database cannot be read ({type(error).__name__}). This only counts; "
            f"begin it again when the database answers."
        ) from None
    except (SettingsError, Fatal) as error:
        raise CommandError(str(error)) from None


def _count_down(engines: Mapping[str, Engine], bootstrap: str, say: Say) -> None:
    began, most, sent_s = time.monotonic(), 0, 0.0
    while True:
        unsent, unread = _remaining(engines, bootstrap)
        most, past_s = max(most, unsent), time.monotonic() - began
        sent_s = sent_s or (past_s if not unsent else 0.0)
        say(f"{unsent} messages to be sent, {unread} to be read")
        if (not unsent and not unread) or past_s > WATCH_MAX_S:
            break
        time.sleep(WATCH_S)
    if most:
        say(
            f"{most} messages sent in {sent_s:.0f} s ({most / sent_s:,.0f}/s) "
            f"and read after {past_s:.0f} s: {_durability(engines, bootstrap)}"
        )


def _remaining(engines: Mapping[str, Engine], bootstrap: str) -> tuple[int, int]:
    """(messages to be sent, messages to be read) of all these services."""
    broker = recovery.topics_on_broker(bootstrap, TOPICS)
    counts = [
        recovery.remaining(engine, name, catalog.find(name).topics, broker)
        for name, engine in engines.items()
    ]
    return sum(unsent for unsent, _ in counts), sum(unread for _, unread in counts)


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
    """The databases of these services, as their own roles, under another application name."""
    engines = {
        name: connect(
            read_one(name, "database_url", "it names the database to prepare"),
            f"republish-{name}",
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
