"""A ledger filled from a real broker, then rebuilt from offset 0."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from sqlalchemy import Engine

from devtools.test_servers import RunningBroker
from libs.common.contracts import topics
from libs.common.contracts.events.ledger import BreakAcknowledged
from libs.common.database.engine import run
from libs.common.messaging import kafka, kafka_source, offsets
from libs.common.messaging.consumer import consume
from libs.common.testing.signed_topics import PUBLIC_KEYS, publish
from libs.common.testing.waiting import wait_for
from services.ledger import consumers
from services.ledger.rebuild import main
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import acknowledge, by_hand
from services.ledger.tests.factories import at, changed, closed, line
from services.ledger.tests.harness import (
    ENDS,
    PROVIDER_STATUSES,
    batch_events,
    breaks,
    certificates,
    published,
    tamper,
)

pytestmark = [pytest.mark.database, pytest.mark.broker]


def ends(bootstrap: str, engine: Engine) -> bool:
    """Whether everything on the topics was applied."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "ends"})
    try:
        high = sum(
            reader.get_watermark_offsets(TopicPartition(t.name, p), timeout=10)[1]
            for t in consumers.APPLIES
            for p in range(topics.PARTITIONS)
        )
    except KafkaException:  # a new partition has no leader yet
        return False
    finally:
        reader.close()
    with engine.connect() as connection:
        return (
            int(
                run(
                    connection, "SELECT coalesce(sum(next_offset), 0) FROM consumer_offset"
                ).scalar_one()
            )
            == high
        )


@pytest.fixture
def consumed(database: Database, kafka_broker: RunningBroker) -> Iterator[str]:
    """Consumers of all four topics, working."""
    kafka_bootstrap = kafka_broker.bootstrap
    kafka.create_topics(kafka_bootstrap, topics.TOPICS)
    stop, threads, run_id = threading.Event(), [], uuid.uuid4().hex
    for topic, apply in consumers.APPLIES.items():
        name = f"ledger.{topic.name}"
        source = kafka_source.KafkaSource(
            kafka_bootstrap,
            f"{name}.{run_id}",
            topic.name,
            offsets.Offsets(database.service, name).load,
        )
        thread = threading.Thread(
            target=consume, args=(source, database.service, name, apply, stop)
        )
        thread.start()
        threads.append((thread, source))
    yield kafka_bootstrap
    stop.set()
    for thread, source in threads:
        thread.join(20)
        source.close()


def explain_a_payment_made_by_hand(database: Database, bootstrap: str) -> None:
    """Two people explain a break; the ledger publishes that on its own topic alone."""
    changed_ends = {**ENDS, 1: "reversed"}
    for number in (3, 4):
        name = f"run-{number}"
        lines = [
            *(line(n, PROVIDER_STATUSES[end], name) for n, end in changed_ends.items()),
            by_hand(run_name=name),
        ]
        begun = {"begun_at": at(100 * number), "occurred_at": at(100 * number + 1)}
        publish(bootstrap, [*lines, closed(lines, 13, name, **begun)])
        assert wait_for(lambda: ends(bootstrap, database.service), 60)
        if number == 3:
            assert breaks(database.service) == [("orphan", "")]
            acknowledge(database, "by-hand", "anna", "adam")
            (made,) = published(database.service, "break-acknowledged.v1")
            publish(bootstrap, [BreakAcknowledged.model_validate(made)])
    assert len(certificates(database.service)) == 3


def test_a_rebuild_gives_the_same_books_and_finds_what_was_changed_by_hand(
    database: Database,
    consumed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(consumed, batch_events(ENDS))
    assert wait_for(
        lambda: ends(consumed, database.service) and len(certificates(database.service)) == 1, 60
    )
    late = [
        line(n, PROVIDER_STATUSES[end] if n > 1 else "failed", "run-2") for n, end in ENDS.items()
    ]
    publish(
        consumed,
        [
            changed(1, 4, "reversed", occurred_at=at(150)),
            *late,
            closed(late, 13, "run-2", begun_at=at(200), occurred_at=at(201)),
        ],
    )
    assert wait_for(
        lambda: ends(consumed, database.service) and len(certificates(database.service)) == 2, 60
    ), breaks(database.service)
    explain_a_payment_made_by_hand(database, consumed)
    for name, value in {
        "DATABASE_URL": database.service_url,
        "OWNER_URL": database.owner_url,
        "KAFKA": consumed,
        "INTERNAL_TOKEN": "x" * 20,
        "PUBLIC_KEYS": PUBLIC_KEYS,
    }.items():
        monkeypatch.setenv(f"PAYDOWN_LEDGER_{name}", value)
    assert main() == 0, capsys.readouterr().out
    assert "certificates live" in capsys.readouterr().out
    tamper(
        database,
        "entry",
        """
        UPDATE entry
        SET amount_cents = amount_cents + 1
        WHERE account = 'branch:X' AND layer = 'posted'""",
    )
    again = subprocess.run(
        [sys.executable, "-m", "services", "rebuild", "ledger"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert again.returncode == 1
    assert again.stdout.count("DIFFERENT") == 1
