"""Logs: one JSON object a line, with allowed fields only, so that no personal value gets in."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from libs.common.observability.trace_context import batch_root

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
        "reason",  # the error's text, masked (messaging/error_text.py)
        "next",  # what happens next, in our words
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


def drop_other_fields(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not allowed, and list the names so that the list can be fixed."""
    dropped = sorted(set(entry) - FIELDS)
    for name in dropped:
        del entry[name]
    if dropped:
        entry["dropped"] = dropped
    return entry


def add_trace_id(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the trace to every line about a batch: the batch is the trace (ADR 35).

    It is added whether or not spans are recorded.
    """
    root = batch_root(str(entry["batch_id"])) if "batch_id" in entry else None
    if root is not None:
        entry["trace_id"] = root.trace
    return entry


def frames(error: BaseException) -> list[str]:
    """Where an error came from: up to eight places in our own code, without values or messages."""
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
    """Set up this process's logging to stdout. Call it once, at start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_trace_id,
            drop_other_fields,
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
