"""The provider over HTTP. Our own client: the official SDK drops the Idempotency-Key and looks at no status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from services.dispatcher.domain import Answer

PAGE_LIMIT = 100


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
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}", "Method-Version": self.version, "Content-Type": "application/json"},
            timeout=httpx.Timeout(self.timeout_s, connect=min(5.0, self.timeout_s)),
            transport=httpx.HTTPTransport(retries=0, limits=httpx.Limits(max_connections=64, max_keepalive_connections=64)))

    def send(self, method: str, path: str, content: bytes | None = None, idempotency_key: str = "",
             params: Mapping[str, str] | None = None) -> tuple[Answer, httpx.Response | None]:
        """One call. An answer that cannot be read is an answer with status None, unless its status alone says enough."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        try:
            response = self.client.request(method, path, content=content, headers=headers, params=params)
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
        lines = response.json()["data"]
        if not isinstance(lines, list):
            raise Unreachable(Answer(None))
        headers = response.headers
        total = int(headers.get("pagination-total-count") or len(lines))
        return Page(lines, headers.get("pagination-page-cursor-next") or "", total, answer.request_id, answer.date)

    def _read(self, response: httpx.Response) -> Answer:
        headers = response.headers
        date = None
        if "date" in headers:
            try:
                date = parsedate_to_datetime(headers["date"])
                self.last_date = date
            except ValueError:
                date = None
        common: dict[str, Any] = {
            "replayed": headers.get("idem-status") == "replayed", "request_id": headers.get("idem-request-id", ""), "date": date,
            "retry_after_s": float(headers["retry-after"]) if headers.get("retry-after", "").isdigit() else 0.0}
        try:
            envelope = response.json()
            data = envelope.get("data")
        except (ValueError, AttributeError):
            return Answer(response.status_code, **common)
        error = data.get("error") if isinstance(data, dict) and "id" not in data else None
        if isinstance(error, dict):
            return Answer(response.status_code, data, str(error.get("sub_type") or ""), str(error.get("message") or ""), **common)
        return Answer(response.status_code, data if isinstance(data, dict) else None, **common)
