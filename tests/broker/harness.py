"""A topic, a database and worker processes, and the counts that must be exact at the end."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it has no __all__
    AdminClient,
    OffsetSpec,
)

from libs.common.contracts.topics import Topic
from libs.common.database.engine import connect, run
from libs.common.messaging import kafka
from libs.common.testing.waiting import wait_for

PARTITIONS = 6
ACCOUNTS = 23
SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
TABLES = (
    """
    CREATE TABLE applied (
        id bigint GENERATED ALWAYS AS IDENTITY,
        consumer text,
        account text,
        number int,
        amount_cents bigint,
        pid int
    )""",
    "CREATE TABLE tally (consumer text PRIMARY KEY, cents bigint NOT NULL)",
)
EMPTIED = ("applied", "tally", "inbox", "outbox", "dead_letter", "consumer_offset")
INSERT_OUTBOX = """
INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
SELECT id, :topic, key, 'counted.v1', '', body
FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[]), CAST(:bodies AS text[]))
    AS m(id, key, body)"""
SELECT_APPLIED = """
SELECT account, number, amount_cents
FROM applied
WHERE consumer = :c
ORDER BY id"""


class Worker:
    """One process of tests/broker/worker.py; its log is a file."""

    def __init__(self, work: dict[str, Any], log: Path) -> None:
        self.log, self.is_terminated = log, False
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.broker.worker", json.dumps(work)],
                stdout=out,
                stderr=out,
            )

    def was_killed_by(self, how: signal.Signals, limit_s: float = 20.0) -> bool:
        try:
            return self.process.wait(limit_s) == -how
        except subprocess.TimeoutExpired:
            return False

    def is_stopped(self) -> bool:
        return (
            Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        )

    def send(self, how: signal.Signals) -> None:
        self.process.send_signal(how)

    def terminate(self) -> None:
        """SIGTERM, once: a second one while Python ends would kill it."""
        if self.process.poll() is None and not self.is_terminated:
            self.is_terminated = True
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()

    def stop(self) -> int:
        """SIGTERM; returns the exit code. A worker that does not end in time is a failure."""
        self.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise

    def count_logged(self, event: str) -> int:
        return self.log.read_text().count(f'"event": "{event}"')


class Harness:
    """One topic and its consumers, named after it; a second topic for what they pass on."""

    def __init__(self, url: str, bootstrap: str) -> None:
        name = f"broker-{uuid.uuid4().hex[:10]}"
        self.url, self.bootstrap = url, bootstrap
        self.topic, self.second_topic = name, f"{name}-passed"
        kafka.create_topics(
            bootstrap,
            [Topic(n, "account", "test", ("test",)) for n in (self.topic, self.second_topic)],
            PARTITIONS,
        )
        self.engine = connect(url, "broker-test")
        self.sent: dict[int, int] = {}
        self.workers: list[Worker] = []
        self.allowed_exit_codes: set[int] = set()
        self.folder = tempfile.TemporaryDirectory(prefix="paydown-broker-")
        with self.engine.begin() as connection:
            for table in EMPTIED:
                run(connection, f"DELETE FROM {table}")
            run(
                connection,
                "INSERT INTO tally VALUES (:a, 0), (:b, 0)",
                a=self.topic,
                b=self.second_topic,
            )

    def start(self, role: str = "consume", **more: Any) -> Worker:
        work = {
            "role": role,
            "url": self.url,
            "bootstrap": self.bootstrap,
            "topic": self.topic,
            **more,
        }
        self.workers.append(Worker(work, Path(self.folder.name) / f"{len(self.workers)}.log"))
        return self.workers[-1]

    def messages(self, count: int) -> list[dict[str, Any]]:
        """The next `count` events, numbered in the order of each account."""
        made = []
        for number in range(len(self.sent), len(self.sent) + count):
            self.sent[number] = number % 997 + 1
            event_id = str(uuid5(SPACE, f"{self.topic}/{number}"))
            body = {
                "type": "counted.v1",
                "event_id": event_id,
                "occurred_at": "2025-03-14T09:26:00Z",
                "account": f"a{number % ACCOUNTS}",
                "number": number,
                "amount_cents": self.sent[number],
            }
            made.append({"event_id": event_id, "key": body["account"], "body": json.dumps(body)})
        return made

    def produce(self, count: int) -> None:
        """Publish events directly; returns when the broker has them."""
        producer = kafka.producer(self.bootstrap)
        for m in self.messages(count):
            producer.produce(
                self.topic,
                key=m["key"],
                value=m["body"],
                headers=[("type", "counted.v1"), ("event_id", m["event_id"])],
            )
            producer.poll(0)
        assert producer.flush(20) == 0

    def put_into_outbox(self, count: int) -> None:
        """Write events into the outbox, for a relay."""
        made = self.messages(count)
        with self.engine.begin() as connection:
            run(
                connection,
                INSERT_OUTBOX,
                topic=self.topic,
                ids=[m["event_id"] for m in made],
                keys=[m["key"] for m in made],
                bodies=[m["body"] for m in made],
            )

    def records_on_topic(self) -> int:
        """How many records the topic holds, with those that a relay sent twice."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})
        found = admin.list_offsets(
            {TopicPartition(self.topic, p): OffsetSpec.latest() for p in range(PARTITIONS)}  # type: ignore[no-untyped-call]
        )
        return sum(future.result(10).offset for future in found.values())

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(run(connection, sql, **values))

    def number(self, sql: str, **values: Any) -> int:
        return int(self.rows(sql, **values)[0][0])

    def applied(self, consumer: str = "") -> int:
        sql = "SELECT count(*) FROM applied WHERE consumer = :c"
        return self.number(sql, c=consumer or self.topic)

    def wait_until(self, condition: Callable[[], bool], limit_s: float = 40.0) -> None:
        assert wait_for(condition, limit_s), self.last_logs()

    def wait_until_applied(self, count: int, consumer: str = "", limit_s: float = 40.0) -> None:
        self.wait_until(lambda: self.applied(consumer) >= count, limit_s)

    def assert_exactly_once(self, consumer: str = "") -> None:
        """Nothing is lost or doubled, each account is in order, and the tally is right."""
        consumer = consumer or self.topic
        time.sleep(0.3)  # time enough for something to be applied twice
        rows = self.rows(SELECT_APPLIED, c=consumer)
        numbers = [row.number for row in rows]
        assert (len(set(self.sent) - set(numbers)), len(numbers) - len(set(numbers))) == (0, 0), (
            f"(lost, doubled); {self.last_logs()}"
        )
        assert {row.number: row.amount_cents for row in rows} == self.sent
        for account in {row.account for row in rows}:
            of_account = [row.number for row in rows if row.account == account]
            assert of_account == sorted(of_account), f"{account} is out of order"
        tally = self.number("SELECT cents FROM tally WHERE consumer = :c", c=consumer)
        assert tally == sum(self.sent.values())
        inbox = self.number("SELECT count(*) FROM inbox WHERE consumer = :c", c=consumer)
        assert inbox == len(self.sent)
        assert self.number("SELECT count(*) FROM dead_letter") == 0

    def last_logs(self) -> str:
        """The ends of the processes' logs, for the message of a failure."""
        return "\n".join(
            f"{w.log.name} {w.process.poll()}: {w.log.read_text()[-600:]}"
            for w in self.workers[-4:]
        )

    def close(self) -> None:
        """Stop every worker. Each must end in order, or have been killed by the test."""
        for worker in self.workers:
            worker.terminate()
        codes = {worker.stop() for worker in self.workers}
        orderly = {0, -signal.SIGTERM}  # SIGTERM: it was not up yet
        assert codes <= {*orderly, -signal.SIGKILL, *self.allowed_exit_codes}, self.last_logs()
        self.engine.dispose()
        self.folder.cleanup()
        delete_topics(self.bootstrap, [self.topic, self.second_topic])


def delete_topics(bootstrap: str, topics: Iterable[str]) -> None:
    """Delete topics, so that a shared broker stays small; does nothing if they are gone."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    for future in admin.delete_topics(list(topics), operation_timeout=5).values():
        with contextlib.suppress(KafkaException):
            future.result(10)
