"""The table `dead_letter`: messages that can never be applied, with their bytes and the reason."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message, is_uuid
from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from libs.common.messaging.forged_messages import NONE_FORGED, ForgedMessages
from libs.common.messaging.outbox import wake_relay
from libs.common.observability.logs import log

LIST_MAX = 500
#: The "consumer" of a message that never left this service's outbox: Kafka refused it.
OUTBOX = "outbox"


def insert(connection: Connection, consumer: str, message: Message, reason: Reject) -> None:
    """Write a rejected message. A second call for the same message changes nothing."""
    log.error(
        "dead_letter",
        consumer=consumer,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        event_id=message.event_id,
        type=message.type,
        code=reason.code,
        **_batch_log_field(message),
    )
    key, kind, correlation, text = (
        value.replace("\x00", "\ufffd")  # PostgreSQL's text cannot hold NUL
        for value in (message.key, message.type, message.correlation, str(reason))
    )
    run(
        connection,
        """
        INSERT INTO dead_letter
            (consumer, topic, partition, message_offset,
             event_id, message_key, message_type, correlation, body, signature,
             code, reason)
        VALUES
            (:consumer, :topic, :partition, :offset,
             :event_id, :key, :type, :correlation, :body, :signature,
             :code, :reason)
        ON CONFLICT DO NOTHING""",
        consumer=consumer,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        body=message.body,
        signature=message.signature or None,
        event_id=message.event_id if is_uuid(message.event_id) else None,
        key=key,
        type=kind,
        correlation=correlation,
        code=reason.code,
        reason=text,
    )


def _batch_log_field(message: Message) -> dict[str, str]:
    """The message's batch, for the log; nothing if it is no UUID: anybody may have written it."""
    return {"batch_id": message.correlation} if is_uuid(message.correlation) else {}


def find_all(connection: Connection) -> list[dict[str, Any]]:
    """The first 500 dead letters without their bytes, those not yet redriven first.

    Those refused for their signature come after the others: anybody can write many of them, and
    they must hide none that keeps a batch from completing.
    """
    rows = run(
        connection,
        """
        SELECT dead_letter_id, consumer, topic, partition, message_offset,
               event_id, message_type, correlation,
               code, reason,
               buried_at, redriven_at, redriven_by
        FROM dead_letter
        ORDER BY
            redriven_at IS NOT NULL,
            code = ANY(CAST(:codes AS text[])),
            dead_letter_id
        LIMIT :limit""",
        codes=list(message_signatures.CODES),
        limit=LIST_MAX,
    )
    return [dict(row) for row in rows.mappings()]


def find(connection: Connection, dead_letter_id: int) -> Row[tuple[object, ...]] | None:
    """The consumer and the batch (`correlation`) of a dead letter; None if it is unknown."""
    row: Row[tuple[object, ...]] | None = run(
        connection,
        "SELECT consumer, correlation FROM dead_letter WHERE dead_letter_id = :id",
        id=dead_letter_id,
    ).first()
    return row


def lock_open(connection: Connection, dead_letter_id: int) -> Row[tuple[object, ...]] | None:
    """Lock a dead letter that was not redriven: its message; None if there is none."""
    row: Row[tuple[object, ...]] | None = run(
        connection,
        """
        SELECT consumer, topic, partition, message_offset,
               message_key, message_type, CAST(event_id AS text), correlation,
               body, signature, code
        FROM dead_letter
        WHERE dead_letter_id = :id
          AND redriven_at IS NULL
        FOR UPDATE""",
        id=dead_letter_id,
    ).first()
    return row


def return_to_outbox(connection: Connection, dead_letter_id: int) -> bool:
    """Put a message that Kafka had refused back into the outbox, at its end.

    False: it is unknown, was redriven before, or came from a topic; nothing changes then.
    """
    returned = run(
        connection,
        """
        INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
        SELECT event_id, topic, message_key, message_type, correlation, convert_from(body, 'UTF8')
        FROM dead_letter
        WHERE dead_letter_id = :id
          AND consumer = :outbox
          AND redriven_at IS NULL
        ON CONFLICT (event_id) DO NOTHING""",
        id=dead_letter_id,
        outbox=OUTBOX,
    )
    if returned.rowcount:
        wake_relay(connection)
    return bool(returned.rowcount)


def as_message(letter: Any) -> Message:  # Any: a row of `lock_open`
    """The message that a dead letter holds."""
    return Message(
        letter.topic,
        letter.partition,
        letter.message_offset,
        letter.message_key or "",
        letter.message_type or "",
        letter.event_id or "",
        bytes(letter.body),
        letter.correlation,
        signature=bytes(letter.signature or b""),
    )


def mark_redriven(connection: Connection, dead_letter_id: int, person: str) -> None:
    """Note who had a dead letter applied again. A second call overwrites it: lock it before."""
    run(
        connection,
        """
        UPDATE dead_letter
        SET redriven_at = now(),
            redriven_by = :person
        WHERE dead_letter_id = :id""",
        id=dead_letter_id,
        person=person,
    )


def count_open(connection: Connection) -> int:
    """How many dead letters nobody has redriven, without those refused for their signature."""
    return int(
        run(
            connection,
            """
            SELECT count(*)
            FROM dead_letter
            WHERE redriven_at IS NULL
              AND code <> ALL(CAST(:codes AS text[]))""",
            codes=list(message_signatures.CODES),
        ).scalar()
    )


def count_refused_signatures(connection: Connection, forged: ForgedMessages = NONE_FORGED) -> int:
    """How many messages were refused for their signature and are still to be judged by people.

    That is until they are redriven, or named as forged, however long it takes.
    """
    return int(
        run(
            connection,
            """
            SELECT count(*)
            FROM dead_letter d
            WHERE redriven_at IS NULL
              AND code = ANY(CAST(:codes AS text[]))
              AND NOT EXISTS (
                  SELECT
                  FROM unnest(
                      CAST(:forged_topics AS text[]), CAST(:forged_partitions AS int[]),
                      CAST(:forged_firsts AS bigint[]), CAST(:forged_lasts AS bigint[])
                  ) AS f(topic, partition, first, last)
                  WHERE f.topic = d.topic
                    AND f.partition = d.partition
                    AND d.message_offset BETWEEN f.first AND f.last
              )""",
            codes=list(message_signatures.CODES),
            **forged.columns(),
        ).scalar()
    )


def free_offsets(connection: Connection, topics: Sequence[str]) -> None:
    """Give dead letters of lost topics offsets that no new message can have.

    Else a new message at the same offset would be taken for the old one, and not be written. The
    new offset is negative and unique. A second call changes nothing.
    """
    run(
        connection,
        """
        UPDATE dead_letter
        SET message_offset = -dead_letter_id
        WHERE topic = ANY(CAST(:topics AS text[]))
          AND message_offset >= 0""",
        topics=list(topics),
    )
