"""Logs: one JSON object a line, with allowed fields only, so that no personal value gets in."""

import json
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

LIBRARY_TEXT_MAX = 300

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


class LibraryLine(logging.Formatter):
    """A line that a library logs, as one JSON object without values.

    Its text and the text of an exception may hold personal values. So of the text only the form is
    shown, if the values stand apart from it, and of an exception its name and where it came from.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line; never more than one."""
        line: dict[str, object] = {
            "event": "library",
            "name": record.name,
            "level": record.levelname,
        }
        if record.args and isinstance(record.msg, str):
            line["reason"] = record.msg[:LIBRARY_TEXT_MAX]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line |= {"error": type(error).__name__, "traceback": frames(error)}
        return json.dumps(line)


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
    libraries = logging.StreamHandler(sys.stdout)
    libraries.setFormatter(LibraryLine())
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])
