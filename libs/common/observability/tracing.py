"""Spans of the work done for a batch. Recording is off until `start`, and never slows money.

A span is recorded when its end is known. So no span is open while money is handled, and a
transaction that was rolled back leaves no span of its effects. Attributes are ids, counts, codes
and names of ours; never a person, an account or free text.

See also messaging/message_tracing.py, web/request_tracing.py, otlp_exporter.py, and ADR 35.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

from libs.common.observability.logs import log
from libs.common.observability.trace_context import Context, batch_root, in_share

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]
BATCH, COUNT, ERROR = "paydown.batch_id", "paydown.count", "error.type"
STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Span:
    """What was done, when (nanoseconds since 1970), and where it belongs.

    `error` is the type of the error it ended with, or "".
    """

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
        """Take a span without waiting; a recorder that is full drops it."""

    def stop(self, limit_s: float) -> None:
        """Send what is queued, for at most `limit_s` seconds."""


@dataclass(frozen=True)
class _Recording:
    recorder: Recorder
    share: float


@dataclass
class _Process:
    """The state of this process: no recording until it is started."""

    recording: _Recording | None = None


_process = _Process()


def start(recorder: Recorder, share: float = 1.0) -> None:
    """Record in this process from now on.

    Args:
        share: which share of the batches (0 to 1); every process chooses the same ones.
    """
    _process.recording = _Recording(recorder, share)


def stop(limit_s: float = STOP_S) -> None:
    """Stop recording and send what is queued, for at most `limit_s` seconds.

    A second call does nothing.
    """
    recording, _process.recording = _process.recording, None
    if recording is not None:
        recording.recorder.stop(limit_s)


def is_on() -> bool:
    """Whether this process records spans."""
    return _process.recording is not None


def is_recorded(trace: str) -> bool:
    """Whether this process records this trace."""
    recording = _process.recording
    return recording is not None and in_share(trace, recording.share)


def recorded_batch(batch_id: str) -> Context | None:
    """The first span of a batch; None if it is no batch id, or the batch is not recorded here."""
    root = batch_root(batch_id) if is_on() else None
    return root if root is not None and is_recorded(root.trace) else None


def child_of(parent: Context) -> Context:
    """A new span in the trace of its parent."""
    return parent._replace(span=f"{random.getrandbits(64) or 1:016x}")


def new_trace() -> Context:
    """A new span in a trace of its own."""
    made = child_of(Context(f"{random.getrandbits(128) or 1:032x}", ""))
    return made._replace(sampled=is_recorded(made.trace))


def record(span: Span) -> None:
    """Record a span that has ended; does nothing when recording is off.

    A recorder that raises is never called again: a bug in it must not stop the work.
    """
    recording = _process.recording
    if recording is None:
        return
    try:
        recording.recorder.record(span)
    except Exception as error:  # noqa: BLE001 - whatever it is, the work must go on
        _process.recording = None
        log.error("tracing_stopped", error=type(error).__name__)


def batch_span(
    name: str, batch_id: object, kind: Kind = "internal", attributes: Attributes | None = None
) -> AbstractContextManager[dict[str, str | int] | None]:
    """Record a span around the work done for one batch.

    The context manager gives the span's attributes, to add to; None if nothing is recorded.
    An attribute `error.type` marks the span as failed.
    """
    root = recorded_batch(str(batch_id)) if is_on() else None
    if root is None:
        return nullcontext()
    return _span(name, kind, root, {BATCH: str(batch_id), **(attributes or {})})


@contextmanager
def _span(
    name: str, kind: Kind, parent: Context, attributes: dict[str, str | int]
) -> Iterator[dict[str, str | int]]:
    began_ns = time.time_ns()
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
                child_of(parent),
                parent,
                began_ns,
                time.time_ns(),
                attributes,
                error=str(attributes.get(ERROR, "")),
            )
        )
