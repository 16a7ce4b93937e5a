"""The provider over HTTP.

This client is our own because the official SDK drops the Idempotency-Key and checks no status.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from libs.common.observability.clock_difference import ClockComparison
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.domain.statuses import known, our_status
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.provider.time_limit import LimitedTransport, total_limit

PAGE_LIMIT = 100
RETRY_AFTER_MAX_S = 3_600.0
REASON_CODE_MAX, REASON_MAX = 200, 500
UNCOUNTED = -1  # the provider gave no total: no walk through this list is complete


@dataclass(frozen=True)
class Page:
    """One page of a list.

    `next_cursor` is "" at the end. `total` is the provider's count of the whole list.
    """

    lines: list[dict[str, Any]]
    next_cursor: str
    total: int
    request_id: str
    date: datetime | None


class Unreachable(Exception):
    """A reading call failed. Nothing is known and nothing has changed; `answer` says how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the provider answered {answer.status} {answer.sub_type}")
        self.answer = answer


@dataclass
class Provider:
    """One provider; safe to use from many threads. It never retries: the protocol does that."""

    url: str
    key: str
    version: str
    timeout_s: float
    clocks: Clocks = field(default_factory=Clocks)  # every answer tells the provider's clock
    #: A Date has whole seconds.
    clock: ClockComparison = field(
        default_factory=lambda: ClockComparison("the provider", precision_s=1.0)
    )
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.url,
            headers={
                "Authorization": f"Bearer {self.key}",
                "Method-Version": self.version,
                "Content-Type": "application/json",
            },
            timeout=httpx.Timeout(self.timeout_s, connect=min(5.0, self.timeout_s)),
            transport=LimitedTransport(),
        )

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        idempotency_key: str = "",
        params: Mapping[str, str] | None = None,
    ) -> tuple[Answer, httpx.Response | None]:
        """Make one call, which lasts `timeout_s` at most, however slowly its answer comes.

        Without an answer the status is None. A body that cannot be read leaves `data` empty.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        asked_at = datetime.now(UTC)
        try:
            with total_limit(self.timeout_s):
                response = self.client.request(
                    method, path, content=content, headers=headers, params=params
                )
        except (httpx.HTTPError, OSError):
            return Answer(None), None
        answer = self._parse(response)
        if answer.date is not None:
            self.clock.note(answer.date, asked_at, datetime.now(UTC))
        return answer, response

    def list(self, path: str, params: Mapping[str, str]) -> Page:
        """Read one page of a list, newest first.

        Raises:
            Unreachable: no page came.
        """
        answer, response = self.send("GET", path, params={**params, "page_limit": str(PAGE_LIMIT)})
        if answer.status != 200 or response is None:
            raise Unreachable(answer)
        lines = envelope(response.content).get("data")
        if not isinstance(lines, list) or not all(
            isinstance(line, dict) and isinstance(line.get("id"), str) for line in lines
        ):
            raise Unreachable(Answer(None))
        total = response.headers.get("pagination-total-count", "")
        return Page(
            lines,
            response.headers.get("pagination-page-cursor-next") or "",
            int(total) if is_number(total) else UNCOUNTED,
            answer.request_id,
            answer.date,
        )

    def _parse(self, response: httpx.Response) -> Answer:
        headers = response.headers
        date = parse_date(headers.get("date"))
        if date is not None:
            self.clocks.observe(date)
        wait = headers.get("retry-after", "")
        common: dict[str, Any] = {
            "replayed": headers.get("idem-status") == "replayed",
            "request_id": headers.get("idem-request-id", ""),
            "date": date,
            "retry_after_s": min(float(wait), RETRY_AFTER_MAX_S) if is_number(wait) else 0.0,
        }
        data = envelope(response.content).get("data")
        error = data.get("error") if isinstance(data, dict) and "id" not in data else None
        if isinstance(error, dict):
            return Answer(
                response.status_code,
                data,
                str(error.get("sub_type") or ""),
                str(error.get("message") or ""),
                **common,
            )
        return Answer(response.status_code, data if isinstance(data, dict) else None, **common)


def parse_date(text: str | None) -> datetime | None:
    """Return the time in a Date header; None if there is none, or it has no zone."""
    try:
        date = parsedate_to_datetime(text) if text is not None else None
    except ValueError:
        return None
    return date if date is not None and date.tzinfo is not None else None


def is_number(text: str) -> bool:
    """Whether a header's text is a whole number of at most nine digits."""
    return text.isascii() and text.isdigit() and len(text) < 10


def envelope(content: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer, empty if there is none; its texts can be stored."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: storable(value) for name, value in found.items()} if b"\\u" in content else found


def storable(value: Any) -> Any:  # JSON
    """Return JSON without NUL characters and unpaired surrogates.

    JSON can write both as an escape, but PostgreSQL stores neither.
    """
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(one) for one in value]
    return (
        {storable(name): storable(one) for name, one in value.items()}
        if isinstance(value, dict)
        else value
    )


@dataclass(frozen=True)
class ProviderPayment:
    """A payment as the provider shows it, in a form that can be stored.

    A field that is missing or malformed is "" or None.
    """

    status: str
    created_at: datetime | None
    source_trace_id: str
    destination_trace_id: str
    reversal_id: str
    reason_code: str
    reason: str


def parse_payment(line: Mapping[str, Any]) -> ProviderPayment:
    """Read a payment of the provider. What is not of the promised form counts as missing."""
    status = known(line.get("status"))
    error = line.get("error")
    given = error if isinstance(error, dict) else {}
    is_problem = our_status("", status) not in ("pending", "completed")
    code = str(given.get("sub_type") or (status if is_problem else "")).lower()
    reason = str(given.get("message") or (f"The provider says {status}." if code else ""))
    return ProviderPayment(
        status,
        parse_created_at(line.get("created_at")),
        str(line.get("source_trace_id") or ""),
        str(line.get("destination_trace_id") or ""),
        str(line.get("reversal_id") or ""),
        code[:REASON_CODE_MAX],
        reason[:REASON_MAX],
    )


def parse_created_at(value: object) -> datetime | None:
    """Return a time with its zone; None for anything else."""
    try:
        created_at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return created_at if created_at.tzinfo else None
