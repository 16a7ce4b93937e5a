"""The consumer loop beside one without signatures, and a bare loop of the same statements."""

import json
import statistics
import threading
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from devtools.bench.setting import BATCH_MAX, TOPIC, Posted, Setting, verifier
from devtools.bench.turns import Lane, SourceInTurns, Turns
from libs.common.contracts.envelope import Event
from libs.common.contracts.topics import PARTITIONS
from libs.common.database.engine import run
from libs.common.messaging import kafka_source, offsets
from libs.common.messaging.consumer import FindRefusals, consume
from ops.errors import CommandError

MAKE_OFFSETS = """
INSERT INTO consumer_offset (consumer, topic, partition, next_offset)
SELECT :name, :topic, p, 0
FROM generate_series(0, :last) AS p"""
ADVANCE_OFFSETS = """
WITH span AS (
    SELECT *
    FROM unnest(CAST(:partitions AS int[]), CAST(:olds AS bigint[]), CAST(:news AS bigint[]))
        AS s(partition, old, new)
), mine AS (
    SELECT o.partition
    FROM consumer_offset o
    JOIN span USING (partition)
    WHERE o.consumer = :consumer AND o.topic = :topic AND o.next_offset = span.old
    ORDER BY o.partition
    FOR UPDATE OF o
)
UPDATE consumer_offset o
SET next_offset = span.new
FROM span
JOIN mine USING (partition)
WHERE o.consumer = :consumer AND o.topic = :topic AND o.partition = span.partition"""
INSERT_INBOX = """
INSERT INTO inbox (consumer, event_id)
SELECT :consumer, id
FROM unnest(CAST(:ids AS uuid[])) AS id
ORDER BY id
ON CONFLICT DO NOTHING
RETURNING CAST(event_id AS text)"""
INSERT_POSTINGS = """
INSERT INTO posting (consumer, payment_id, amount_cents)
SELECT :name, *
FROM unnest(CAST(:ids AS uuid[]), CAST(:cents AS bigint[]))"""
TOTALS = """
SELECT count(*) AS rows,
    count(DISTINCT payment_id) AS once,
    sum(amount_cents) AS cents,
    (SELECT count(*) FROM inbox WHERE consumer = :name) AS inbox,
    (SELECT sum(next_offset) FROM consumer_offset WHERE consumer = :name) AS offsets
FROM posting
WHERE consumer = :name"""


def run_both(setting: Setting) -> dict[str, list[float]]:
    """The paces of both loops, in seconds a message of each turn.

    Raises:
        CommandError: the counts do not add up: every message once in each inbox and once in the
            business table.
    """
    with setting.engine.begin() as connection:
        run(connection, "TRUNCATE posting, inbox, consumer_offset")
    loops = {"library": library_loop, "unsigned": unsigned_loop, "bare": bare_loop}
    turns = Turns(list(loops))
    lanes = [Lane(name, turns, setting.count) for name in loops]
    failed: list[BaseException] = []

    def work(lane: Lane) -> None:
        try:
            loops[lane.name](setting, lane)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)
        finally:
            turns.leave(lane.name)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    for lane in lanes:
        check_totals(setting, lane.name)
    return {lane.name: lane.paces for lane in lanes}


def rate(paces: Sequence[float]) -> float:
    """Messages a second in the median turn."""
    return 1 / statistics.median(paces)


def library_loop(setting: Setting, lane: Lane) -> None:
    """The library's loop, as a service runs it: it verifies every signature."""
    _library_loop(setting, lane, verifier().refusals)


def unsigned_loop(setting: Setting, lane: Lane) -> None:
    """The library's loop without signatures, to see what they cost."""
    _library_loop(setting, lane, None)


def _library_loop(setting: Setting, lane: Lane, find_refusals: FindRefusals | None) -> None:

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        known = [event for event in events if isinstance(event, Posted)]
        ids, cents = [str(e.payment_id) for e in known], [e.amount_cents for e in known]
        run(connection, INSERT_POSTINGS, name=lane.name, ids=ids, cents=cents)

    load = offsets.Offsets(setting.engine, lane.name).load
    group = f"{TOPIC}-{uuid.uuid4().hex[:8]}"
    source = SourceInTurns(
        kafka_source.KafkaSource(setting.bootstrap, group, TOPIC, load, BATCH_MAX), lane
    )
    try:
        consume(source, setting.engine, lane.name, apply, source.stop, find_refusals=find_refusals)
    finally:
        source.close()


def bare_loop(setting: Setting, lane: Lane) -> None:
    """A loop with the same statements and no checks."""
    with setting.engine.begin() as connection:
        run(connection, MAKE_OFFSETS, name=lane.name, topic=TOPIC, last=PARTITIONS - 1)
    reader = setting.reader("bare")
    try:
        while lane.done < lane.count:
            lane.begin()
            first = reader.poll(0.5)
            records = [] if first is None else [first, *reader.consume(BATCH_MAX - 1, 0)]
            if records:
                with setting.engine.begin() as connection:
                    apply_bare(connection, lane.name, records)
                reader.commit(message=records[-1], asynchronous=True)
            lane.end(len(records))
    finally:
        reader.close()


def apply_bare(
    connection: Connection,
    name: str,
    records: Sequence[Any],  # confluent_kafka types every part as optional
) -> None:
    """Offsets, inbox and business rows of one batch, as libs/common/messaging/consumer.py."""
    spans: dict[int, tuple[int, int]] = {}
    bodies = {}
    for record in records:
        partition, offset = record.partition(), record.offset()
        spans[partition] = (spans.get(partition, (offset, 0))[0], offset + 1)
        bodies[dict(record.headers())["event_id"].decode()] = json.loads(record.value())
    run(
        connection,
        ADVANCE_OFFSETS,
        partitions=list(spans),
        olds=[old for old, _ in spans.values()],
        news=[new for _, new in spans.values()],
        consumer=name,
        topic=TOPIC,
    )
    inserted = run(connection, INSERT_INBOX, consumer=name, ids=list(bodies))
    new = {row[0] for row in inserted}
    fresh = [body for event_id, body in bodies.items() if event_id in new]
    ids, cents = [b["payment_id"] for b in fresh], [b["amount_cents"] for b in fresh]
    run(connection, INSERT_POSTINGS, name=name, ids=ids, cents=cents)


def check_totals(setting: Setting, name: str) -> None:
    """Refuse a run whose counts do not add up.

    Raises:
        CommandError: with the counts.
    """
    with setting.engine.connect() as connection:
        found = run(connection, TOTALS, name=name).one()
    cents = sum(n % 997 + 1 for n in range(setting.count))
    if tuple(found) != (setting.count, setting.count, cents, setting.count, setting.count):
        raise CommandError(
            f"the {name} loop's counts do not add up: "
            f"{found} of {setting.count} messages and {cents} cents"
        )
