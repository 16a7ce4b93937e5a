"""The consumer loop all services share.

In words: read some messages; in ONE transaction advance the stored offsets by compare-and-swap (a stale owner is refused
here), drop what the inbox already has, apply the rest, and write what was rejected as dead letters; commit; then tell Kafka.
So a message is applied once, whatever dies when, and an offset never moves without its effects.
"""

import re
import time
from collections.abc import Callable, Sequence
from threading import Event as Stop

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.message import Message, Source
from libs.common.contracts.registry import parse
from libs.common.database.engine import is_unavailable, run
from libs.common.messaging import message_tracing
from libs.common.observability.logs import log

Apply = Callable[[Connection, Sequence[Event]], None]
RETRY_FIRST_S, RETRY_MAX_S = 0.1, 5.0
EVENT_ID = re.compile(
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)  # as PostgreSQL writes it: the inbox answers in this form


class StaleOwner(Exception):
    """Another consumer has moved an offset of this batch: it owns the partition now."""


def consume(
    source: Source,
    engine: Engine,
    consumer: str,
    apply: Apply,
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Consume until `stop`. `beat` is called on every turn, and while waiting for a dependency.

    Raises:
        Retry, or an error of a database that is away: the source cannot go on; close it, wait, and consume another.
        Anything else: a bug. The process must end and be started again.
    """
    while not stop.is_set():
        beat()
        batch = source.poll()
        if not batch:
            continue
        wait_s = RETRY_FIRST_S
        while not stop.is_set():
            try:
                with message_tracing.consumer_turn(consumer, batch), engine.begin() as connection:
                    apply_batch(connection, consumer, batch, apply)
            except StaleOwner:
                log.warning("stale_owner", consumer=consumer, topic=source.topic)
                source.rewind()
            except (Retry, SQLAlchemyError) as error:
                if isinstance(error, SQLAlchemyError) and not is_unavailable(error):
                    raise
                log.warning(
                    "retry",
                    consumer=consumer,
                    topic=source.topic,
                    error=type(error).__name__,
                    code=getattr(error, "code", None),
                )
                beat()
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
                continue
            else:
                source.commit(batch)
            break


def apply_batch(
    connection: Connection, consumer: str, batch: Sequence[Message], apply: Apply
) -> None:
    """Offsets, inbox, effects and dead letters of one batch, in the caller's transaction.

    The batch is applied as a whole; only if something in it is rejected, message by message, so that exactly the wrong ones
    are buried.

    Raises:
        StaleOwner: nothing may be written; roll back.
        Retry: not now; roll back and try the same batch again.
    """
    advance_offsets(connection, consumer, batch)
    named = [message for message in batch if EVENT_ID.fullmatch(message.event_id)]
    if len(named) < len(batch):
        for message in batch:
            if not EVENT_ID.fullmatch(message.event_id):
                write_dead_letter(
                    connection,
                    consumer,
                    message,
                    Reject("its header event_id is no UUID in lower case", "event.no-id"),
                )
    events: list[tuple[Message, Event]] = []
    for message in claim_new(connection, consumer, named):
        try:
            events.append((message, _read(message)))
        except Reject as reason:
            write_dead_letter(connection, consumer, message, reason)
    if not events:
        return
    try:
        with message_tracing.savepoint(), connection.begin_nested():
            apply(connection, [event for _, event in events])
    except Reject:
        for message, event in events:
            try:
                with message_tracing.savepoint(), connection.begin_nested():
                    apply(connection, [event])
            except Reject as reason:
                write_dead_letter(connection, consumer, message, reason)


def _read(message: Message) -> Event:
    event = parse(message.type, message.body)
    # The inbox knows the header's, so such a one could be applied twice or never. As numbers: to write a UUID takes three times as long.
    if event.event_id.int != int(message.event_id.replace("-", ""), 16):
        raise Reject(
            f"its body is event {event.event_id}, its header says {message.event_id}",
            "event.other-id",
        )
    return event


def advance_offsets(connection: Connection, consumer: str, batch: Sequence[Message]) -> None:
    """Move the stored offsets over the batch, if they are where it begins.

    Raises:
        StaleOwner: at least one is not.
    """
    spans: dict[int, tuple[int, int]] = {}
    for message in batch:
        first = spans[message.partition][0] if message.partition in spans else message.offset
        spans[message.partition] = (first, message.offset + 1)
    moved = run(
        connection,
        """
        WITH span AS (SELECT * FROM unnest(CAST(:partitions AS int[]), CAST(:olds AS bigint[]), CAST(:news AS bigint[])) AS s(partition, old, new)),
             mine AS (SELECT o.partition FROM consumer_offset o JOIN span USING (partition)
                      WHERE o.consumer = :consumer AND o.topic = :topic AND o.next_offset = span.old ORDER BY o.partition FOR UPDATE OF o)
        UPDATE consumer_offset o SET next_offset = span.new FROM span JOIN mine USING (partition)
        WHERE o.consumer = :consumer AND o.topic = :topic AND o.partition = span.partition""",
        partitions=list(spans),
        olds=[a for a, _ in spans.values()],
        news=[b for _, b in spans.values()],
        consumer=consumer,
        topic=batch[0].topic,
    )
    if moved.rowcount != len(spans):
        raise StaleOwner


def claim_new(connection: Connection, consumer: str, batch: Sequence[Message]) -> list[Message]:
    """The messages of the batch that were never applied before, each once; they are in the inbox from now on."""
    known_ids = {message.event_id for message in batch}
    new = {
        row[0]
        for row in run(
            connection,
            """
        INSERT INTO inbox (consumer, event_id) SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
        ON CONFLICT DO NOTHING RETURNING CAST(event_id AS text)""",
            consumer=consumer,
            ids=list(known_ids),
        )
    }
    fresh = []
    for message in batch:
        if message.event_id in new:
            new.discard(message.event_id)
            fresh.append(message)
    return fresh


def write_dead_letter(
    connection: Connection, consumer: str, message: Message, reason: Reject
) -> None:
    """Keep a rejected message as a dead letter, with its bytes; a second call for the same message changes nothing."""
    log.error(
        "dead_letter",
        consumer=consumer,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        event_id=message.event_id,
        type=message.type,
        code=reason.code,
        **batch_log_field(message),
    )
    key, kind, correlation, text = (
        t.replace("\x00", "\ufffd")
        for t in (message.key, message.type, message.correlation, str(reason))
    )
    run(
        connection,
        """
        INSERT INTO dead_letter (consumer, topic, partition, message_offset, event_id, message_key, message_type, correlation, body, code, reason)
        VALUES (:consumer, :topic, :partition, :offset, :event_id, :key, :type, :correlation, :body, :code, :reason) ON CONFLICT DO NOTHING""",
        consumer=consumer,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        body=message.body,
        event_id=message.event_id if EVENT_ID.fullmatch(message.event_id) else None,
        key=key,
        type=kind,
        correlation=correlation,
        code=reason.code,
        reason=text,
    )


def batch_log_field(message: Message) -> dict[str, str]:
    """The batch a message says it is of, for the log; nothing unless that is a UUID, for it is what a stranger may have written."""
    return {"batch_id": message.correlation} if EVENT_ID.fullmatch(message.correlation) else {}


def redrive(connection: Connection, dead_letter_id: int, apply: Apply, by: str) -> bool:
    """Apply a dead letter's bytes again, in the caller's transaction; False if it is unknown or was redriven before.

    Raises:
        Reject: it is still wrong; roll back, it stays a dead letter.
    """
    row = run(
        connection,
        """
        SELECT message_type, body FROM dead_letter WHERE dead_letter_id = :id AND redriven_at IS NULL FOR UPDATE""",
        id=dead_letter_id,
    ).first()
    if row is None:
        return False
    apply(connection, [parse(row.message_type, bytes(row.body))])
    run(
        connection,
        "UPDATE dead_letter SET redriven_at = now(), redriven_by = :by WHERE dead_letter_id = :id",
        id=dead_letter_id,
        by=by,
    )
    return True


def wait_for(condition: Callable[[], bool], limit_s: float, every_s: float = 0.05) -> bool:
    """Whether a condition came true within the limit (seconds); used at start and in tests."""
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every_s)
    return True
