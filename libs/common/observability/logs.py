"""Logs: one JSON object a line, and only fields named here, so that no personal value can slip in."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from libs.common.observability.trace_context import root

FIELDS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "service",
        "loop",
        "consumer",
        "topic",
        "partition",
        "offset",
        "event_id",
        "type",
        "code",
        "error",
        "traceback",
        "count",
        "seconds",
        "batch_id",
        "payment_id",
        "row_id",
        "run_id",
        "object_id",
        "attempt",
        "kind",
        "status",
        "method",
        "path",
        "request_id",
        "provider_request_id",
        "actor",
        "version",
        "port",
        "name",
        "outcome",
        "dropped",
        "trace_id",
    }
)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def allowed(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list, and name it, so that the list can be mended."""
    dropped = sorted(set(entry) - FIELDS)
    for name in dropped:
        del entry[name]
    if dropped:
        entry["dropped"] = dropped
    return entry


def traced(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace of every line that names a batch: the batch is the trace (ADR 35), whether spans are sent anywhere or not."""
    first = root(str(entry["batch_id"])) if "batch_id" in entry else None
    if first is not None:
        entry["trace_id"] = first.trace
    return entry


def frames(error: BaseException) -> list[str]:
    """Where an error came from, as places of our own code: no values, no messages."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename
    ]
    return [
        f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}"
        for frame in ours[-8:]
    ]


def configure(service: str, level: str = "info") -> None:
    """Set up logging of this process on stdout; called once, at start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            traced,
            allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stdout,
        format='{"event": "library", "name": "%(name)s", "level": "%(levelname)s"}',
    )
