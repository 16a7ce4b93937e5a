"""A provider on the wire whose network, lists and idempotency store do what they may at worst.

The real client speaks to it: what the client leaves out of a request is not there.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from services.dispatcher.domain.clocks import ClockSample, Moment
from services.dispatcher.provider.client import Provider
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.tests.memory_provider import (
    NEW_STATUS,
    Line,
    ManualClocks,
    MemoryProvider,
)
from services.dispatcher.tests.simulation.faults import Faults

# Shortly before midnight, and not after the database's clock, which runs in real time.
BEGIN = datetime.now(UTC).replace(hour=23, minute=50) - timedelta(days=1)
# Delay and lag together are less than the grace.
DELAY_MAX_S, LAG_MAX_S, RETENTION_S = 500.0, 1_200.0, 86_400.0
PAGE_LINES, PAGES_MAX = 2, 200
#: What is refused: the payment, its source account, an account that is not known, and a code that
#: nobody knows.
REFUSALS = (
    (400, "INVALID_AMOUNT"),
    (400, "INSUFFICIENT_FUNDS"),
    (404, "NOT_FOUND"),
    (400, "NOBODY_KNOWS"),
)
NEXT_STATUS = {"pending": "processing", "processing": "sent", "sent": "posted"}


class Violation(AssertionError):
    """The dispatcher did what it must never do."""


class SimulatedClocks(ManualClocks):
    """Clocks of a machine that may sleep, or whose wall clock is set.

    The provider's clock is known from the Dates of its answers alone, as in production.
    """

    def __init__(self, provider: MemoryProvider) -> None:
        self.slept_s, self.ahead_s = 0.0, 0.0
        super().__init__(provider)
        self.read = self._sample_now
        self._sample = self.read()

    def _sample_now(self) -> ClockSample:
        boot_s = self.passed_s + self.slept_s
        return ClockSample(self.passed_s, boot_s, boot_s + self.ahead_s)

    def pass_time(self, seconds: float) -> None:
        self.passed_s += seconds

    def now(self) -> Moment:
        return Clocks.now(self)


class NoAnswer(Exception):
    """No answer comes to this request."""


Stored = tuple[int, dict[str, Any]]
LISTS = ("/entities", "/accounts", "/merchants")


class UnreliableProvider(MemoryProvider):
    """Its time passes when the simulation says so. `is_calm`: from now on nothing goes wrong."""

    send = Provider.send  # over the wire, unlike the provider in memory
    list = Provider.list

    def __init__(self, chance: random.Random, faults: Faults) -> None:
        self.chance, self.faults = chance, faults
        self.now_s, self.is_calm = 0.0, False
        self.under_way: list[tuple[float, str, dict[str, Any]]] = []
        self.answers: dict[str, tuple[float, Stored]] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        self.made_twice: set[str] = set()
        self.judged: dict[str, bool] = {}  # objects: whether what was asked for is wrong
        self.made_objects: set[str] = set()
        self.pages = 0
        self.on_request: Callable[[str, bytes], None] = lambda key, body: None
        self.on_created: Callable[[str], None] = lambda provider_id: None
        super().__init__("http://provider.test", "sk_test", "2025-07-04", 1.0)

    def __post_init__(self) -> None:
        Provider.__post_init__(self)
        self.client._transport = httpx.MockTransport(self._handle)
        super().__post_init__()

    def new_clocks(self) -> SimulatedClocks:
        return SimulatedClocks(self)

    # --- time ---

    def pass_time(self, seconds: float) -> None:
        """Requests that were under way arrive; answers of yesterday are forgotten."""
        until_s = self.now_s + seconds
        arriving = sorted(one for one in self.under_way if one[0] <= until_s)
        self.under_way = [one for one in self.under_way if one[0] > until_s]
        for self.now_s, key, body in arriving:
            self._first(key, lambda body=body: self._execute(body))  # type: ignore[misc] # called at once
        self.now_s = until_s

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now_s)

    @property
    def are_lists_behind(self) -> bool:
        """Whether something that was made is not in the lists yet."""
        return any(line["seen_from_s"] > self.now_s for line in self.books.values())

    def advance(self) -> None:
        """One payment goes on to its next status."""
        movable = [line for line in self.books.values() if line["status"] in NEXT_STATUS]
        if movable:
            line = self.chance.choice(movable)
            line["status"] = NEXT_STATUS[line["status"]]

    def is_lucky(self, share: float) -> bool:
        return not self.is_calm and self.chance.random() < share

    # --- the wire ---

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectTimeout("the provider is away", request=request)
        path = request.url.path
        headers = {
            "date": format_datetime(self._date(), usegmt=True),
            "idem-request-id": "req",
        }
        data: Any
        try:
            if request.method == "POST" and path == "/payments":
                key = request.headers.get("idempotency-key", "")
                status, data = self._receive(key, request.content, headers)
            elif request.method == "POST" and path in self.objects:
                key = request.headers.get("idempotency-key", "")
                status, data = self._receive_object(key, path, json.loads(request.content))
            elif request.method == "GET" and path == "/payments":
                status, data = 200, self._list(dict(request.url.params), headers)
            elif request.method == "GET" and path in LISTS:
                page = MemoryProvider.list(self, path, {})
                headers["pagination-total-count"] = str(page.total)
                status, data = 200, page.lines
            else:
                answer, _ = MemoryProvider.send(self, request.method, path)
                status, data = int(answer.status or 0), dict(answer.data or error(answer.sub_type))
        except NoAnswer:
            raise httpx.ReadTimeout("no answer", request=request) from None
        return httpx.Response(status, json={"data": data}, headers=headers)

    def _date(self) -> datetime:
        days = self.chance.choice([-9, 9]) if self.is_lucky(self.faults.wrong_date) else 0
        return self.now + timedelta(days=days)

    def _receive(self, key: str, content: bytes, headers: dict[str, str]) -> Stored:
        """A request to pay arrives, or is lost on its way."""
        self.on_request(key, content)
        body: dict[str, Any] = json.loads(content)
        if self.bodies.setdefault(key, body) != body:
            raise Violation("one key was sent with two bodies")
        is_known = self._is_stored(key)
        kept = self._meet_fate(key, body)
        headers["idem-status"] = "replayed" if is_known and self._is_stored(key) else "stored"
        return kept

    def _meet_fate(self, key: str, body: dict[str, Any]) -> Stored:
        faults, is_under_way = self.faults, any(key == one[1] for one in self.under_way)
        if is_under_way and self.is_lucky(faults.refused_again):
            return self.chance.choice([(401, error("")), *map(refusal, REFUSALS)])
        for share, fate in (
            (faults.lost_request, self._lose),
            (faults.late_request, self._delay),
            (faults.lost_answer, self._lose_answer),
            (faults.proxy_answers, self._answer_by_proxy),
            (faults.failed_executed, self._fail_executed),
            (faults.failed, lambda key, _: self._first(key, lambda: (500, error("")))),
            (faults.unavailable, lambda *_: (503, error("IDEMPOTENCY_UNAVAILABLE"))),
            (faults.limited, lambda *_: (429, error("TOO_MANY_REQUESTS"))),
            (faults.stored_limit, self._store_limit),
            (faults.key_refused, lambda *_: (self.chance.choice([401, 403]), error(""))),
            (0.0 if key in self.answers or is_under_way else faults.refused, self._refuse),
        ):
            if self.is_lucky(share):
                return fate(key, body)
        return self._first(key, lambda: self._execute(body))

    def _lose(self, *_: Any) -> Stored:
        raise NoAnswer

    def _delay(self, key: str, body: dict[str, Any]) -> Stored:
        arrives_s = self.now_s + self.chance.uniform(0, DELAY_MAX_S)
        self.under_way.append((arrives_s, key, body))
        raise NoAnswer

    def _lose_answer(self, key: str, body: dict[str, Any]) -> Stored:
        self._first(key, lambda: self._execute(body))
        raise NoAnswer

    def _answer_by_proxy(self, key: str, body: dict[str, Any]) -> Stored:
        self._first(key, lambda: self._execute(body))
        return 502, error("")

    def _fail_executed(self, key: str, body: dict[str, Any]) -> Stored:
        def execute() -> Stored:
            self._execute(body)
            return 500, error("")

        return self._first(key, execute)

    def _store_limit(self, key: str, _: dict[str, Any]) -> Stored:
        status = self.chance.choice([429, 503])
        return self._first(key, lambda: (status, error("IDEMPOTENCY_UNAVAILABLE")))

    def _refuse(self, key: str, _: dict[str, Any]) -> Stored:
        return self._first(key, lambda: refusal(self.chance.choice(REFUSALS)))

    def _is_stored(self, key: str) -> bool:
        return key in self.answers and self.answers[key][0] > self.now_s - RETENTION_S

    def _first(self, key: str, answering: Callable[[], Stored]) -> Stored:
        """Answer a key once; a request without a key is executed each time."""
        if self._is_stored(key):
            return self.answers[key][1]
        answer = answering()
        if key:
            self.answers[key] = (self.now_s, answer)
        return answer

    def _execute(self, body: dict[str, Any]) -> Stored:
        """Make the payment, or two of them."""
        times = 2 if self.is_lucky(self.faults.executed_twice) else 1
        for _ in range(times):
            line = dict(self.accept(body).data or {})
            self.books[line["id"]] |= {
                "created_at": self.now.isoformat(),
                "seen_from_s": self.now_s + self.chance.uniform(0, LAG_MAX_S),
            }
        if times > 1:
            self.made_twice.add(line["metadata"]["payment_id"])
        self.on_created(line["id"])
        return 200, shown(self.books[line["id"]])

    # --- objects ---

    def mend_objects(self, share: float) -> None:
        """Somebody mends what is wrong with some of the refused objects."""
        for object_id, is_wrong in self.judged.items():
            if is_wrong and self.chance.random() < share:
                self.judged[object_id] = False

    def _receive_object(self, key: str, path: str, body: dict[str, Any]) -> Stored:
        """A request to create an object; its answer may be lost, executed or not."""
        if self.bodies.setdefault(key, body) != body:
            raise Violation("one key was sent with two bodies")
        if not self.is_lucky(self.faults.no_object_answer):
            return self._first(key, lambda: self._make_object(path, body))
        if self.chance.random() < 0.3:
            return self._first(key, lambda: (500, error("")))
        if self.chance.random() < 0.5:
            self._first(key, lambda: self._make_object(path, body))
        raise NoAnswer

    def _make_object(self, path: str, body: dict[str, Any]) -> Stored:
        object_id = str(body["metadata"]["object_id"])
        if object_id not in self.judged:
            self.judged[object_id] = self.is_lucky(self.faults.objects_refused)
        if self.judged[object_id]:
            return 400, error("INVALID_REQUEST")
        if object_id in self.made_objects:
            raise Violation("an object was created twice")
        self.made_objects.add(object_id)
        lines = self.objects[path]
        line = self._line(path, body, len(lines), NEW_STATUS[path])
        self.objects[path] = {line["id"]: line, **lines}
        return 200, dict(line)

    # --- lists ---

    def _list(self, params: dict[str, str], headers: dict[str, str]) -> Any:
        """One page; a page has two lines, so that every walk has several."""
        if self.is_lucky(self.faults.no_list):
            raise NoAnswer
        self.pages += 1
        if self.pages > PAGES_MAX:
            raise Violation("a walk through the list does not end")
        lines = [line for line in self.books.values() if self._is_listed(line, params)]
        begin = int(params.get("page_cursor", "0"))
        page, end = lines[begin : begin + PAGE_LINES], begin + PAGE_LINES
        if lines and self.is_lucky(self.faults.short_list):
            page = page[1:]
        if end < len(lines):
            repeats = self.is_lucky(self.faults.repeated_cursor)
            headers["pagination-page-cursor-next"] = str(begin if repeats else end)
        headers["pagination-total-count"] = str(len(lines))
        return [shown(line) for line in page]

    def _is_listed(self, line: Line, params: dict[str, str]) -> bool:
        return (
            bool(line["seen_from_s"] <= self.now_s)
            and bool(line["created_at"][:10] >= params.get("from_date", ""))
            and all(line[k] == params[k] for k in ("source", "destination") if k in params)
        )


def error(sub_type: str) -> dict[str, Any]:
    return {"error": {"type": "API_ERROR", "sub_type": sub_type, "message": ""}}


def refusal(one: tuple[int, str]) -> Stored:
    return one[0], error(one[1])


def shown(line: Line) -> Line:
    """A payment as the provider shows it."""
    return {name: value for name, value in line.items() if name != "seen_from_s"}
