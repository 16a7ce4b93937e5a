"""Spans of messages: one for each turn of the relay and batch, one for each turn of a consumer and batch. A span a message would be 50,000 of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

from libs.common.contracts.message import Message
from libs.common.observability.trace_context import Context, parsed, root
from libs.common.observability.tracing import (
    BATCH,
    COUNT,
    Attributes,
    Span,
    child_beside,
    is_on,
    of_batch,
    record,
)

LINKS_MAX = 16
_NOTHING: AbstractContextManager[None] = nullcontext()


def messaging(operation: str, topic: str, batch_id: str, count: int) -> dict[str, str | int]:
    """What OpenTelemetry's conventions for messaging call these."""
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
    """One turn of the relay: a span for each topic and batch in it, whose context the messages carry."""

    began_ns: int = field(default_factory=time.time_ns)
    spans: dict[tuple[str, str], Context | None] = field(default_factory=dict)

    def at(self, topic: str, batch_id: str) -> Context | None:
        """Where a message of this batch is published to this topic; None if its batch is not recorded, or it has none."""
        key = topic, batch_id
        if key not in self.spans:
            first = of_batch(batch_id)
            self.spans[key] = None if first is None else child_beside(first)
        return self.spans[key]

    def end(self, acknowledged: Iterable[tuple[str, str]]) -> None:
        """Record it, with the (topic, batch) of each message that Kafka has taken; a batch of which it took none has no span."""
        ended_ns = time.time_ns()
        for (topic, batch_id), count in Counter(acknowledged).items():
            at = self.at(topic, batch_id)
            if at is not None:
                record(
                    Span(
                        f"send {topic}",
                        "producer",
                        at,
                        root(batch_id),
                        self.began_ns,
                        ended_ns,
                        messaging("send", topic, batch_id, count),
                    )
                )


def publishing() -> Publication | None:
    """A turn of the relay; None when off."""
    return Publication() if is_on() else None


@dataclass
class _Turn:
    """What a consumer has before it: for each batch that is recorded the span it will be, who published it, and how many messages of it."""

    spans: dict[str, Context] = field(default_factory=dict)
    published: dict[str, list[Context]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    parts: list[tuple[str, str, int, int, int]] = field(
        default_factory=list
    )  # batch, name, count, began, ended
    seen: set[tuple[str, str]] = field(default_factory=set)

    def take(self, message: Message) -> None:
        """Count a message, and note who published it."""
        batch_id = message.correlation
        if batch_id not in self.counts:
            first = of_batch(batch_id)
            if first is not None:
                self.spans[batch_id], self.published[batch_id] = child_beside(first), []
        self.counts[batch_id] += 1
        known = self.published.get(batch_id)
        if (
            known is not None
            and len(known) < LINKS_MAX
            and (batch_id, message.traceparent) not in self.seen
        ):
            self.seen.add(
                (batch_id, message.traceparent)
            )  # up to a thousand messages come with one header
            by = parsed(message.traceparent)
            if by is not None and by.sampled:
                known.append(by)

    def end(self, consumer: str, topic: str, began_ns: int, error: str) -> None:
        """Record it. What was rolled back has no parts."""
        ended_ns = time.time_ns()
        for batch_id, at in self.spans.items():
            published = self.published[batch_id]
            parent = next((one for one in published if one.trace == at.trace), root(batch_id))
            attributes: Attributes = {
                **messaging("process", topic, batch_id, self.counts[batch_id]),
                "messaging.consumer.group.name": consumer,
            }
            links = tuple(one for one in published if one != parent)
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
        for batch_id, name, count, since, until in () if error else self._merged():
            record(
                Span(
                    name,
                    "internal",
                    child_beside(self.spans[batch_id]),
                    self.spans[batch_id],
                    since,
                    until,
                    {BATCH: batch_id, COUNT: count},
                )
            )

    def _merged(self) -> Iterator[tuple[str, str, int, int, int]]:
        """One part for each name: a batch with a rejected message is applied message by message."""
        for batch_id, name in dict.fromkeys((part[0], part[1]) for part in self.parts):
            same = [part for part in self.parts if part[:2] == (batch_id, name)]
            yield (
                batch_id,
                name,
                sum(p[2] for p in same),
                min(p[3] for p in same),
                max(p[4] for p in same),
            )


_current: ContextVar[_Turn | None] = ContextVar("turn", default=None)


def turn(consumer: str, batch: Sequence[Message]) -> AbstractContextManager[None]:
    """A consumer's turn. To be entered before its transaction, so that it ends when that has been committed or rolled back."""
    return _turn(consumer, batch) if is_on() else _NOTHING


@contextmanager
def _turn(consumer: str, batch: Sequence[Message]) -> Iterator[None]:
    began_ns, made, error = time.time_ns(), _Turn(), ""
    for message in batch:
        made.take(message)
    token = _current.set(made)
    try:
        yield
    except BaseException as failure:
        error = type(failure).__name__
        raise
    finally:
        _current.reset(token)
        made.end(consumer, batch[0].topic, began_ns, error)


def part(found: Callable[[], Iterable[tuple[str, str]]]) -> AbstractContextManager[None]:
    """A part of a consumer's turn. `found` gives (batch_id, name) for each thing that is done; it is asked only where somebody listens."""
    made = _current.get() if is_on() else None
    return _NOTHING if made is None else _part(made, found)


@contextmanager
def _part(made: _Turn, found: Callable[[], Iterable[tuple[str, str]]]) -> Iterator[None]:
    began_ns = time.time_ns()
    yield
    ended_ns = time.time_ns()
    made.parts += [
        (batch_id, name, count, began_ns, ended_ns)
        for (batch_id, name), count in Counter(found()).items()
        if batch_id in made.spans
    ]


def attempt() -> AbstractContextManager[None]:
    """Around a savepoint: if that is rolled back, the parts in it did not happen."""
    made = _current.get() if is_on() else None
    return _NOTHING if made is None else _attempt(made)


@contextmanager
def _attempt(made: _Turn) -> Iterator[None]:
    before = len(made.parts)
    try:
        yield
    except BaseException:
        del made.parts[before:]
        raise
