"""Reading from the provider: every page has its permit, and a walk says whether it was complete."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event as Stop
from typing import Any

from sqlalchemy import Engine

from libs.common.runtime.service import Beat
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Page, Provider, Unreachable

PERMIT_WAIT_S = 0.1


@dataclass
class Reader:
    """The provider's lists and objects, within the limits; `Unreachable` while it does not answer or we are stopping."""

    engine: Engine
    provider: Provider
    stop: Stop
    beat: Beat

    def permit(self, tier: str) -> None:
        """Wait for one permit of a tier."""
        while not self.stop.is_set():
            self.beat()
            with self.engine.begin() as connection:
                if rate_limiter.take(connection, tier, 1):
                    return
            self.stop.wait(PERMIT_WAIT_S)
        raise Unreachable(Answer(None))

    def get(self, path: str) -> dict[str, Any]:
        """One object.

        Raises:
            Unreachable: it did not come.
        """
        answer = self.call("GET", path)
        if answer.status != 200 or answer.data is None:
            raise Unreachable(answer)
        return {**answer.data, "_request_id": answer.request_id}

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        """One call of any kind, with its permit; a 429 closes the tier."""
        tier = rate_limiter.tier_of(method, path)
        self.permit(tier)
        answer, _ = self.provider.send(method, path, content, key)
        self._closed(tier, answer)
        return answer

    def page(self, path: str, params: Mapping[str, str]) -> Page:
        """One page of a list; raises Unreachable."""
        self.permit(rate_limiter.READS)
        try:
            return self.provider.list(path, params)
        except Unreachable as error:
            self._closed(rate_limiter.READS, error.answer)
            raise

    def pages(self, path: str, params: Mapping[str, str]) -> Iterator[Page]:
        """All pages by cursor, newest first; raises Unreachable."""
        cursor = ""
        while True:
            page = self.page(path, {**params, **({"page_cursor": cursor} if cursor else {})})
            yield page
            cursor = page.next_cursor
            if not cursor or not page.lines:
                return

    def all(self, path: str, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], bool]:
        """(lines, complete): only a walk with as many different lines as the provider counts says anything about absence."""
        lines: dict[str, dict[str, Any]] = {}
        total = 0
        for page in self.pages(path, params):
            lines.update((str(line["id"]), line) for line in page.lines)
            total = page.total
        return list(lines.values()), len(lines) == total

    def _closed(self, tier: str, answer: Answer) -> None:
        if answer.status == 429:
            with self.engine.begin() as connection:
                rate_limiter.close(connection, tier, max(60.0, answer.retry_after_s))


def since(provider_date: datetime | None) -> dict[str, str]:
    """Two days before the first attempt by the provider's own clock; everything, where that is not known."""
    return (
        {"from_date": (provider_date.astimezone(UTC) - timedelta(days=2)).date().isoformat()}
        if provider_date
        else {}
    )
