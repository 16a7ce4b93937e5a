"""The provider over HTTP. Our own client: the official SDK drops the Idempotency-Key and looks at no status."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.domain.statuses import known, our_status

PAGE_LIMIT = 100
RETRY_AFTER_MAX_S = 3_600.0
UNCOUNTED = -1  # a list without the provider's total: no walk through it is complete


@dataclass(frozen=True)
class Page:
    """One page of a list: its lines, the cursor of the next page ("" at the end), and the provider's total."""

    lines: list[dict[str, Any]]
    next_cursor: str
    total: int
    request_id: str
    date: datetime | None


class Unreachable(Exception):
    """A reading call failed; nothing is known, nothing has changed. `answer` says how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the provider answered {answer.status} {answer.sub_type}")
        self.answer = answer


@dataclass
class Provider:
    """One provider; safe to use from many threads. It never retries: that is the protocol's business."""

    url: str
    key: str
    version: str
    timeout_s: float
    last_date: datetime | None = None  # the provider's own clock, as last seen
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
            transport=httpx.HTTPTransport(
                retries=0, limits=httpx.Limits(max_connections=64, max_keepalive_connections=64)
            ),
        )

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        idempotency_key: str = "",
        params: Mapping[str, str] | None = None,
    ) -> tuple[Answer, httpx.Response | None]:
        """One call. An answer that cannot be read is an answer with status None, unless its status alone says enough."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        try:
            response = self.client.request(
                method, path, content=content, headers=headers, params=params
            )
        except (httpx.HTTPError, OSError):
            return Answer(None), None
        return self._read(response), response

    def list(self, path: str, params: Mapping[str, str]) -> Page:
        """One page of a list, newest first.

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

    def _read(self, response: httpx.Response) -> Answer:
        headers = response.headers
        date = None
        if "date" in headers:
            try:
                date = parsedate_to_datetime(headers["date"])
                self.last_date = date
            except ValueError:
                date = None
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


def is_number(text: str) -> bool:
    """Whether a header's text is a whole number of a sensible length."""
    return text.isascii() and text.isdigit() and len(text) < 10


def envelope(content: bytes) -> dict[str, Any]:
    """The JSON object in an answer; empty where there is none. Texts hold nothing that the database cannot keep."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: storable(value) for name, value in found.items()} if b"\\u" in content else found


def storable(value: Any) -> Any:  # JSON
    """JSON without NUL characters and halves of characters; both can be written as an escape and stored nowhere."""
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
class Shown:
    """What a payment at the provider shows of itself, in forms that can be stored; "" or None where it does not say."""

    status: str
    created_at: datetime | None
    source_trace_id: str
    destination_trace_id: str
    reversal_id: str
    reason_code: str
    reason: str


def shown(line: Mapping[str, Any]) -> Shown:
    """A payment of the provider, read with care: whatever is not of the form that was promised counts as not said."""
    status = known(line.get("status"))
    error = line.get("error")
    told = error if isinstance(error, dict) else {}
    code = str(
        told.get("sub_type")
        or ("" if our_status("", status) in ("pending", "completed") else status)
    ).lower()
    reason = str(told.get("message") or (f"The provider says {status}." if code else ""))
    try:
        created_at = datetime.fromisoformat(str(line.get("created_at")))
    except ValueError:
        created_at = None
    source, destination, reversal = (
        str(line.get(name) or "")
        for name in ("source_trace_id", "destination_trace_id", "reversal_id")
    )
    return Shown(
        status,
        created_at if created_at and created_at.tzinfo else None,
        source,
        destination,
        reversal,
        code[:200],
        reason[:500],
    )
