"""Spans of what is done for a batch: off until `start`, then recorded when they are over. Nothing here slows or stops money.

A span is recorded with its beginning once its end is known: nothing is open while money is handled, and a transaction that was
rolled back leaves no span of its effects. Attributes are ids, counts, codes and names of ours: never a person, an account or a text.
Beside this: `tracing_messages` (topics), `tracing_http` (doors), `tracing_otlp` (where spans go). ADR 35 says why.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

from libs.common.observability.logs import log
from libs.common.observability.trace_context import Context, root, within

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]
BATCH, COUNT, ERROR = "paydown.batch_id", "paydown.count", "error.type"
STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Span:
    """What was done, from when to when (ns since 1970), and where it belongs. `error` is the kind of error it ended with, or ""."""

    name: str
    kind: Kind
    at: Context
    parent: Context | None
    began_ns: int
    ended_ns: int
    attributes: Attributes = field(default_factory=dict)
    links: tuple[Context, ...] = ()
    error: str = ""


class Recorder(Protocol):
    """Where spans go."""

    def record(self, span: Span) -> None:
        """Take one without waiting; what cannot be kept is dropped."""

    def stop(self, limit_s: float) -> None:
        """Send what is still here, for at most so many seconds."""


@dataclass(frozen=True)
class _Active:
    recorder: Recorder
    share: float


@dataclass
class _Process:
    """This process: off, until it is started."""

    on: _Active | None = None


_here = _Process()


def start(recorder: Recorder, share: float = 1.0) -> None:
    """Record from now on in this process, of this share (0 to 1) of the batches; every process chooses the same ones."""
    _here.on = _Active(recorder, share)


def stop(limit_s: float = STOP_S) -> None:
    """Record nothing any more and send what waits, for at most so many seconds; a second call does nothing."""
    was, _here.on = _here.on, None
    if was is not None:
        was.recorder.stop(limit_s)


def is_on() -> bool:
    """Whether anything is recorded in this process."""
    return _here.on is not None


def keeps(trace: str) -> bool:
    """Whether this trace is recorded here."""
    on = _here.on
    return on is not None and within(trace, on.share)


def of_batch(batch_id: str) -> Context | None:
    """The first span of a batch; None if no batch is named, or it is not recorded here."""
    first = None if _here.on is None else root(batch_id)
    return first if first is not None and keeps(first.trace) else None


def child_beside(other: Context) -> Context:
    """A new span in the trace of another."""
    return other._replace(span=f"{random.getrandbits(64) or 1:016x}")


def fresh() -> Context:
    """A new span in a trace of its own."""
    made = child_beside(Context(f"{random.getrandbits(128) or 1:032x}", ""))
    return made._replace(sampled=keeps(made.trace))


def record(span: Span) -> None:
    """Record a span that is over; nothing when off. A recorder that raises is never asked again: a bug in it is no reason to stop."""
    on = _here.on
    if on is None:
        return
    try:
        on.recorder.record(span)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the work it is about
        _here.on = None
        log.error("tracing_stopped", error=type(error).__name__)


def work(
    name: str, batch_id: object, kind: Kind = "internal", attributes: Attributes | None = None
) -> AbstractContextManager[dict[str, str | int] | None]:
    """A span around what is done for one batch. Gives its attributes, to add to; None where it is not recorded. `error.type` among them is its error."""
    if _here.on is None:
        return nullcontext()
    first = of_batch(str(batch_id))
    return (
        nullcontext()
        if first is None
        else _work(name, kind, first, {BATCH: str(batch_id), **(attributes or {})})
    )


@contextmanager
def _work(
    name: str, kind: Kind, parent: Context, attributes: dict[str, str | int]
) -> Iterator[dict[str, str | int]]:
    began = time.time_ns()
    try:
        yield attributes
    except BaseException as failure:
        attributes[ERROR] = type(failure).__name__
        raise
    finally:
        record(
            Span(
                name,
                kind,
                child_beside(parent),
                parent,
                began,
                time.time_ns(),
                attributes,
                (),
                str(attributes.get(ERROR, "")),
            )
        )
