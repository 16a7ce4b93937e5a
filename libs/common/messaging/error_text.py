"""The name and text of an error for a log line, without values that may be personal.

The texts of our own errors and of Kafka's are written by programmers; long numbers in ours are
masked all the same. A text of PostgreSQL can repeat a value of a statement, so quoted parts and
numbers are masked. Of any other error only the name is shown.
"""

import re

from confluent_kafka import KafkaError, KafkaException
from sqlalchemy.exc import DBAPIError, OperationalError

from libs.common.contracts.errors import PaydownError, SettingsError
from libs.common.database.engine import error_summary

TEXT_MAX = 300
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NUMBER, _LONG_NUMBER = re.compile(r"\d{4,}"), re.compile(r"\d{6,}")


def describe(error: BaseException) -> dict[str, str | None]:
    """Fields of a log line: `error` (its name), `code` (ours, SQLSTATE, Kafka's), `reason`."""
    return {"error": _name(error), "code": _code(error), "reason": _text(error)[:TEXT_MAX]}


def _name(error: BaseException) -> str:
    """The library's own name: `ReadOnlySqlTransaction` says more than `InternalError`."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return type(error.orig).__name__
    if isinstance(error, KafkaException) and (found := _kafka_error(error)) is not None:
        return found.name()
    return type(error).__name__


def _code(error: BaseException) -> str | None:
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "pgcode", None)
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else None


def _text(error: BaseException) -> str:
    if isinstance(error, PaydownError | SettingsError):
        return _LONG_NUMBER.sub("…", str(error))
    if isinstance(error, KafkaException):
        found = _kafka_error(error)
        return found.str() if found is not None else ""
    if isinstance(error, DBAPIError):
        text = error_summary(error)
        if isinstance(error, OperationalError) and getattr(error.orig, "pgcode", None) is None:
            return text  # the connection failed: no statement, so no value of one
        return _NUMBER.sub("…", _QUOTED.sub("…", text))
    if isinstance(error, OSError):
        return error.strerror or ""
    return ""


def _kafka_error(error: KafkaException) -> KafkaError | None:
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else None
