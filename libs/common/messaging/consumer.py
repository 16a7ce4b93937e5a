"""The consumer loop that all services share.

In words: read some messages. In ONE transaction advance the stored offsets by compare-and-swap
(a stale owner is refused here), refuse what the topic's owner did not sign, drop what the inbox
already has, apply the rest, and write what was rejected as dead letters. Commit. Then report the
progress to Kafka.

So a message is applied once, whatever crashes when, and an offset never moves without its effects.
"""

from collections.abc import Callable, Sequence
from threading import Event as Stop

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.message import Message, Source, is_uuid
from libs.common.contracts.registry import parse
from libs.common.crypto import message_signatures
from libs.common.database.engine import is_unavailable
from libs.common.messaging import dead_letters, inbox, message_tracing, offsets
from libs.common.messaging.error_text import describe
from libs.common.messaging.offsets import StaleOwner
from libs.common.observability.logs import log

#: Applies events in the caller's transaction. Raises Reject or Retry; other errors are bugs.
Apply = Callable[[Connection, Sequence[Event]], None]
#: Returns if a message is signed by the owner of its topic, else raises Reject.
Verify = Callable[[Message], None]
#: The same for many messages at once: why each is refused, or None.
FindRefusals = Callable[[Sequence[Message]], Sequence[Reject | None]]
#: Tells the supervisor that a loop is alive (runtime/loops.py).
Beat = Callable[[], None]
RETRY_FIRST_S, RETRY_MAX_S = 0.1, 5.0
NO_EVENT_ID = "event.no-id"
#: The codes of dead letters that were refused before the inbox noted them. Another copy of such a
#: message may have been applied.
REFUSED_BEFORE_INBOX = (*message_signatures.CODES, NO_EVENT_ID)


def consume(
    source: Source,
    engine: Engine,
    consumer: str,
    apply: Apply,
    stop: Stop,
    beat: Beat = lambda: None,
    find_refusals: FindRefusals | None = None,
    applied: Callable[[], None] = lambda: None,
) -> None:
    """Consume until `stop`. `beat` is called on every turn, and while waiting for a dependency.

    Without `find_refusals` every message is believed; only tests do that. `applied` is called after
    each transaction.

    Raises:
        Retry, or an error of a database that is away: this source cannot go on. Close it, wait,
            and consume another.
        Anything else: a bug. The process must end and be started again.
    """

    def apply_in_transaction(batch: list[Message]) -> None:
        with message_tracing.consumer_turn(consumer, batch), engine.begin() as connection:
            apply_batch(connection, consumer, batch, apply, find_refusals)

    while not stop.is_set():
        beat()
        batch = source.poll()
        wait_s = RETRY_FIRST_S
        while batch and not stop.is_set():
            try:
                apply_in_transaction(batch)
            except StaleOwner:
                log.warning(
                    "stale_owner",
                    consumer=consumer,
                    topic=source.topic,
                    next="another consumer owns a partition; on from the stored offsets",
                )
                source.rewind()
                break
            except (Retry, SQLAlchemyError) as error:
                if isinstance(error, SQLAlchemyError) and not is_unavailable(error):
                    raise
                log.warning(
                    "retry",
                    consumer=consumer,
                    topic=source.topic,
                    next=f"the same messages again in {wait_s:.1f} s",
                    **describe(error),
                )
                beat()
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
            else:
                source.commit(batch)
                applied()
                break


def apply_batch(
    connection: Connection,
    consumer: str,
    batch: Sequence[Message],
    apply: Apply,
    find_refusals: FindRefusals | None = None,
) -> None:
    """Offsets, inbox, effects and dead letters of one batch, in the caller's transaction.

    What is not signed never reaches the inbox: else a forged message with the id of an event to
    come would keep that event from being applied.

    The batch is applied as a whole. Only if something in it is rejected it is applied message by
    message, so that exactly the wrong ones become dead letters.

    Raises:
        StaleOwner: nothing may be written; roll back.
        Retry: not now; roll back and try the same batch again.
    """
    offsets.advance(connection, consumer, batch)
    signed = batch
    if find_refusals is not None:
        signed = _signed(connection, consumer, batch, find_refusals(batch))
    identified = _with_event_id(connection, consumer, signed)
    events: list[tuple[Message, Event]] = []
    for message in inbox.insert_new(connection, consumer, identified):
        try:
            events.append((message, _read(message)))
        except Reject as reason:
            dead_letters.insert(connection, consumer, message, reason)
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
                dead_letters.insert(connection, consumer, message, reason)


def _signed(
    connection: Connection,
    consumer: str,
    batch: Sequence[Message],
    refusals: Sequence[Reject | None],
) -> Sequence[Message]:
    """The messages that their topic's owner signed; the others become dead letters."""
    if not any(refusals):
        return batch
    signed = []
    for message, reason in zip(batch, refusals, strict=True):
        if reason is None:
            signed.append(message)
        else:
            dead_letters.insert(connection, consumer, message, reason)
    return signed


def _with_event_id(
    connection: Connection, consumer: str, batch: Sequence[Message]
) -> Sequence[Message]:
    """The messages with a usable event id; the others become dead letters."""
    identified = [message for message in batch if is_uuid(message.event_id)]
    if len(identified) < len(batch):
        reason = Reject("its header event_id is no UUID in lower case", NO_EVENT_ID)
        for message in batch:
            if not is_uuid(message.event_id):
                dead_letters.insert(connection, consumer, message, reason)
    return identified


def _read(message: Message) -> Event:
    """Parse a message; its header and its body must name the same event.

    The inbox knows the header's id, so else an event could be applied twice, or never. Ids are
    compared as numbers: to write a UUID as text takes three times as long.
    """
    event = parse(message.type, message.body)
    if event.event_id.int != int(message.event_id.replace("-", ""), 16):
        raise Reject(
            f"its body is event {event.event_id}, its header says {message.event_id}",
            "event.other-id",
        )
    return event


def redrive(
    connection: Connection,
    dead_letter_id: int,
    apply: Apply,
    by: str,
    verify: Verify | None = None,
) -> bool:
    """Apply a dead letter's bytes again, in the caller's transaction.

    One that was refused for its signature is verified again: it is applied if its key has become
    known meanwhile, and never if it was forged. What was refused before the inbox goes through it
    now: if another copy was applied, this one is only marked as redriven, and a copy that comes
    later is dropped.

    Returns:
        False if it is unknown or was redriven before; nothing changes then.

    Raises:
        Reject: it is still wrong; roll back, it stays a dead letter.
    """
    letter = dead_letters.lock_open(connection, dead_letter_id)
    if letter is None:
        return False
    message = dead_letters.as_message(letter)
    if letter.code in message_signatures.CODES:
        if verify is None:
            raise Reject("its signature cannot be verified here", letter.code)
        verify(message)
    event = _read(message) if message.event_id else parse(message.type, message.body)
    identified = message._replace(event_id=str(event.event_id))
    if letter.code not in REFUSED_BEFORE_INBOX or inbox.insert_new(
        connection, str(letter.consumer), [identified]
    ):
        apply(connection, [event])
    dead_letters.mark_redriven(connection, dead_letter_id, by)
    return True


def send_again(connection: Connection, dead_letter_id: int, by: str) -> bool:
    """Have a message that Kafka had refused sent again, in the caller's transaction.

    Returns:
        False if it is unknown or was redriven before; nothing changes then.
    """
    if dead_letters.lock_open(connection, dead_letter_id) is None:
        return False
    dead_letters.return_to_outbox(connection, dead_letter_id)
    dead_letters.mark_redriven(connection, dead_letter_id, by)
    return True
