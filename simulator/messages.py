"""Requests, answers and refusals as values, and the JSON envelope of answers."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

DEFAULT_VERSION = "2025-07-04"
VERSIONS = ("2020-12-06", "2024-04-04", "2025-07-04", "2025-12-01", "2026-03-30")
FIRST = "2020-12-06"
Headers = tuple[tuple[bytes, bytes], ...]


class Refusal(Exception):
    """The provider refuses a request; it is answered with the error envelope."""

    def __init__(
        self,
        sub_type: str | None,
        message: str,
        status: int = 400,
        kind: str = "INVALID_REQUEST",
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.headers = headers
        self.status, self.kind, self.sub_type, self.message = status, kind, sub_type, message


@dataclass(slots=True)
class Answer:
    """An answer before it is sent; `body` is the bytes on the wire."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = b"application/json"


@dataclass(slots=True)
class Request:
    """A request, as the handlers get it; `ids` are the ids of its path in order."""

    method: str
    path: str
    template: str
    ids: list[str]
    query_string: str
    raw: bytes
    version: str
    now_ms: int
    host: str = "127.0.0.1"
    api_key: str = ""
    key: str | None = None
    _query: dict[str, list[str]] | None = field(default=None, repr=False)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name; `ids[]=a&ids[]=b` and `ids=a&ids=b` are the same."""
        if self._query is None:
            self._query = {}
            if self.query_string:
                for name, value in parse_qsl(self.query_string):
                    self._query.setdefault(name.removesuffix("[]"), []).append(value)
        return self._query

    def one(self, name: str) -> str | None:
        """The value of a query parameter, None without one; the last wins."""
        values = self.query.get(name)
        return values[-1] if values else None

    def json(self) -> dict[str, Any]:
        """The body; none at all is an empty object.

        Raises:
            Refusal: it is not a JSON object.
        """
        if not self.raw:
            return {}
        try:
            body = json.loads(self.raw)
        except (ValueError, RecursionError):
            raise Refusal("INVALID_REQUEST", "The request body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise Refusal("INVALID_REQUEST", "The request body must be a JSON object.")
        return body


ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def dump(value: Any) -> bytes:
    """Compact JSON. Any: answers are of every shape."""
    return ENCODER.encode(value).encode("utf-8", "replace")


def success(data: Any, headers: Headers = (), message: str | None = None) -> Answer:
    """200 with the success envelope. Any: resources differ."""
    return Answer(
        200,
        b'{"success":true,"data":' + dump(data) + b',"message":' + dump(message) + b"}",
        headers,
    )


def success_raw(data: bytes, headers: Headers = ()) -> Answer:
    """200 with the success envelope; `data` is JSON already."""
    return Answer(200, b'{"success":true,"data":' + data + b',"message":null}', headers)


def failure(
    status: int, kind: str, sub_type: str | None, message: str, headers: Headers = ()
) -> Answer:
    """The error envelope. Its `code` is the HTTP status."""
    error = {"type": kind, "code": status, "sub_type": sub_type, "message": message}
    return Answer(
        status, dump({"success": False, "data": {"error": error}, "message": message}), headers
    )


def refused(refusal: Refusal) -> Answer:
    """A refusal as an answer."""
    return failure(refusal.status, refusal.kind, refusal.sub_type, refusal.message, refusal.headers)


def not_found(what: str = "The requested resource") -> Refusal:
    """404 NOT_FOUND."""
    return Refusal("NOT_FOUND", f"{what} was not found.", 404)
