"""A provider in memory: payments, people and accounts, with stored answers by idempotency key."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.dispatcher.domain.clocks import ClockSample, Moment, ProviderTime
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page, Provider, Unreachable
from services.dispatcher.provider.clocks import Clocks

Line = dict[str, Any]
PREFIXES = {"/payments": "pmt", "/entities": "ent", "/accounts": "acc"}
NEW_STATUS = {"/payments": "pending", "/entities": "active", "/accounts": "active"}


class ManualClocks(Clocks):
    """Clocks that go on when the test says so; the provider's is its `last_date`."""

    def __init__(self, provider: "MemoryProvider") -> None:
        self.provider, self.passed_s = provider, 0.0
        super().__init__(lambda: ClockSample(self.passed_s, self.passed_s, self.passed_s))

    def pass_time(self, seconds: float) -> None:
        self.passed_s += seconds
        if self.provider.last_date is not None:
            self.provider.last_date += timedelta(seconds=seconds)

    def now(self) -> Moment:
        date = self.provider.last_date
        provider = None if date is None else ProviderTime(date, date)
        return replace(super().now(), provider=provider)


class MemoryProvider(Provider):
    """The first answer to a key is stored and replayed. `script` decides what the next calls meet.

    `away` makes lists fail. Without `counted` they do not say how many lines there are.
    """

    def __post_init__(self) -> None:
        self.books: dict[str, Line] = {}  # payments, newest first
        self.objects: dict[str, dict[str, Line]] = {"/entities": {}, "/accounts": {}}
        self.merchants: list[Line] = [{"id": "mch_1", "type": "student_loan"}]
        self.stored: dict[str, Answer] = {}
        self.script: list[Callable[[dict[str, Any]], Answer]] = []
        self.calls: list[tuple[str, str, str]] = []
        self.counted, self.away = True, False
        self.listed: list[dict[str, str]] = []
        self.last_date: datetime | None = datetime.now(UTC)
        self.clocks = self.new_clocks()

    def new_clocks(self) -> ManualClocks:
        """Return the clocks of a process that begins."""
        return ManualClocks(self)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        idempotency_key: str = "",
        params: Any = None,
    ) -> tuple[Answer, Any]:
        self.calls.append((method, path, idempotency_key))
        if method == "POST":
            body = json.loads(content or b"{}")
            if path in self.objects:
                return self._create_object(path, body, idempotency_key), None
            return self._create(body, idempotency_key), None
        line = self.books.get(path.removeprefix("/payments/")) or self._object(path)
        if line is None:
            return Answer(404, None, "NOT_FOUND"), None
        if method == "DELETE":
            if line["status"] != "pending":
                return Answer(400, None, "INVALID_STATUS"), None
            line["status"] = "canceled"
        return Answer(200, dict(line), request_id="req"), None

    def _object(self, path: str) -> Line | None:
        of_path, _, object_id = path.rpartition("/")
        return self.objects.get(of_path, {}).get(object_id)

    def _create(self, body: dict[str, Any], key: str) -> Answer:
        if key not in self.stored:
            self.stored[key] = self.script.pop(0)(body) if self.script else self.accept(body)
            answer = self.stored[key]
            if answer.status is None or answer.status == 429:
                del self.stored[key]
            return answer
        return Answer(**{**self.stored[key].__dict__, "replayed": True})

    def _create_object(self, path: str, body: dict[str, Any], key: str) -> Answer:
        if key not in self.stored:
            lines = self.objects[path]
            line = self._line(path, body, len(lines), NEW_STATUS[path])
            self.objects[path] = {line["id"]: line, **lines}
            self.stored[key] = Answer(200, dict(line), request_id="req")
        return self.stored[key]

    def accept(self, body: dict[str, Any], status: str = "pending") -> Answer:
        """Carry out the request for a payment; the newest is the first of a list."""
        line = self._line("/payments", body, len(self.books), status)
        self.books = {line["id"]: line, **self.books}
        return Answer(200, dict(line), request_id="req")

    @staticmethod
    def _line(path: str, body: dict[str, Any], number: int, status: str) -> Line:
        return {
            **body,
            "id": f"{PREFIXES[path]}_{number:06d}",
            "status": status,
            "created_at": datetime.now(UTC).isoformat(),
        }

    def list(self, path: str, params: Any) -> Page:
        self.listed.append(dict(params))
        if path == "/merchants":
            return Page(self.merchants, "", len(self.merchants), "req", None)
        filters = ("source", "destination", "status", "holder_id", "type")
        among = self.books if path == "/payments" else self.objects.get(path, {})
        lines = [
            dict(line)
            for line in among.values()
            if all(line.get(name) == params[name] for name in filters if name in params)
        ]
        if self.away:
            raise Unreachable(Answer(None))
        return Page(lines, "", len(lines) if self.counted else -1, "req", None)


def lost(_: dict[str, Any]) -> Answer:
    """The request never arrived."""
    return Answer(None)


def refusing(status: int, sub_type: str = "") -> Callable[[dict[str, Any]], Answer]:
    """An answer with that status; nothing was done."""
    return lambda _: Answer(status, None, sub_type)
