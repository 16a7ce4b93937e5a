"""Spans of messages, one for each batch of payments in a turn of the relay or of a consumer.

A span for each message would be 50,000 of them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

from libs.common.contracts.message import Message
from libs.common.observability.trace_context import Context, batch_root, parse_header
from libs.common.observability.tracing import (
    BATCH,
    COUNT,
    Attributes,
    Span,
    child_of,
    is_on,
    record,
    recorded_batch,
)

LINKS_MAX = 16
_NOTHING: AbstractContextManager[None] = nullcontext()


def messaging_attributes(
    operation: str, topic: str, batch_id: str, count: int
) -> dict[str, str | int]:
    """A span's attributes, named by OpenTelemetry's conventions for messaging."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
        "messaging.batch.message_count": count,
        BATCH: batch_id,
    }


@dataclass
class Publication:
    """One turn of the relay: a span for each topic and batch, whose context the messages carry."""

    began_ns: int = field(default_factory=time.time_ns)
    spans: dict[tuple[str, str], Context | None] = field(default_factory=dict)

    def at(self, topic: str, batch_id: str) -> Context | None:
        """The span in which a batch's messages are sent to a topic; None if it is not recorded."""
        key = topic, batch_id
        if key not in self.spans:
            root = recorded_batch(batch_id)
            self.spans[key] = None if root is None else child_of(root)
        return self.spans[key]

    def end(self, acknowledged: Iterable[tuple[str, str]]) -> None:
        """Record the turn.

        Args:
            acknowledged: (topic, batch_id) of each message that Kafka acknowledged. A batch
                without any has no span.
        """
        ended_ns = time.time_ns()
        for (topic, batch_id), count in Counter(acknowledged).items():
            at = self.at(topic, batch_id)
            if at is not None:
                record(
                    Span(
                        f"send {topic}",
                        "producer",
                        at,
                        batch_root(batch_id),
                        self.began_ns,
                        ended_ns,
                        messaging_attributes("send", topic, batch_id, count),
                    )
                )


def start_publication() -> Publication | None:
    """A new turn of the relay; None when recording is off."""
    return Publication() if is_on() else None


@dataclass(frozen=True)
class _Part:
    """A part of a consumer's turn: `count` things of one name, done for one batch."""

    batch_id: str
    name: str
    count: int
    began_ns: int
    ended_ns: int


@dataclass
class _Turn:
    """One turn of a consumer: for each recorded batch its span, its publishers and its parts."""

    spans: dict[str, Context] = field(default_factory=dict)
    publishers: dict[str, list[Context]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    parts: list[_Part] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, message: Message) -> None:
        """Count a message, and note the span that published it."""
        batch_id = message.correlation
        if batch_id not in self.counts:
            root = recorded_batch(batch_id)
            if root is not None:
                self.spans[batch_id], self.publishers[batch_id] = child_of(root), []
        self.counts[batch_id] += 1
        publishers = self.publishers.get(batch_id)
        if publishers is None or len(publishers) >= LINKS_MAX:
            return
        key = batch_id, message.traceparent
        if key not in self.seen:  # up to a thousand messages carry the same header
            self.seen.add(key)
            publisher = parse_header(message.traceparent)
            if publisher is not None and publisher.sampled:
                publishers.append(publisher)

    def end(self, consumer: str, topic: str, began_ns: int, error: str) -> None:
        """Record the turn. A turn that failed was rolled back, so it has no parts."""
        ended_ns = time.time_ns()
        for batch_id, at in self.spans.items():
            publishers = self.publishers[batch_id]
            parent = next(
                (one for one in publishers if one.trace == at.trace), batch_root(batch_id)
            )
            attributes: Attributes = {
                **messaging_attributes("process", topic, batch_id, self.counts[batch_id]),
                "messaging.consumer.group.name": consumer,
            }
            links = tuple(one for one in publishers if one != parent)
            record(
                Span(
                    f"process {topic}",
                    "consumer",
                    at,
                    parent,
                    began_ns,
                    ended_ns,
                    attributes,
                    links,
                    error,
                )
            )
        for part in () if error else self._merged_parts():
            root = self.spans[part.batch_id]
            record(
                Span(
                    part.name,
                    "internal",
                    child_of(root),
                    root,
                    part.began_ns,
                    part.ended_ns,
                    {BATCH: part.batch_id, COUNT: part.count},
                )
            )

    def _merged_parts(self) -> Iterator[_Part]:
        """One part for each batch and name.

        A turn with a rejected message is applied message by message, so it has many.
        """
        for key in dict.fromkeys((part.batch_id, part.name) for part in self.parts):
            same = [part for part in self.parts if (part.batch_id, part.name) == key]
            yield _Part(
                *key,
                sum(part.count for part in same),
                min(part.began_ns for part in same),
                max(part.ended_ns for part in same),
            )


_current: ContextVar[_Turn | None] = ContextVar("turn", default=None)


def consumer_turn(consumer: str, batch: Sequence[Message]) -> AbstractContextManager[None]:
    """Record a consumer's turn.

    Enter it before the transaction, so that it ends after the commit or the rollback.
    """
    return _consumer_turn(consumer, batch) if is_on() else _NOTHING


@contextmanager
def _consumer_turn(consumer: str, batch: Sequence[Message]) -> Iterator[None]:
    began_ns, turn, error = time.time_ns(), _Turn(), ""
    for message in batch:
        turn.add(message)
    token = _current.set(turn)
    try:
        yield
    except BaseException as failure:
        error = type(failure).__name__
        raise
    finally:
        _current.reset(token)
        turn.end(consumer, batch[0].topic, began_ns, error)


def part_of_turn(
    find: Callable[[], Iterable[tuple[str, str]]],
) -> AbstractContextManager[None]:
    """Record a part of a consumer's turn.

    Args:
        find: gives (batch_id, name) for each thing done; called only if spans are recorded.
    """
    turn = _current.get() if is_on() else None
    return _NOTHING if turn is None else _part_of_turn(turn, find)


@contextmanager
def _part_of_turn(turn: _Turn, find: Callable[[], Iterable[tuple[str, str]]]) -> Iterator[None]:
    began_ns = time.time_ns()
    yield
    ended_ns = time.time_ns()
    turn.parts += [
        _Part(batch_id, name, count, began_ns, ended_ns)
        for (batch_id, name), count in Counter(find()).items()
        if batch_id in turn.spans
    ]


def savepoint() -> AbstractContextManager[None]:
    """Enter this around a database savepoint: if it is rolled back, its parts are dropped."""
    turn = _current.get() if is_on() else None
    return _NOTHING if turn is None else _savepoint(turn)


@contextmanager
def _savepoint(turn: _Turn) -> Iterator[None]:
    before = len(turn.parts)
    try:
        yield
    except BaseException:
        del turn.parts[before:]
        raise
