"""Reading from the provider: every page takes its permit, and a walk says if it was complete."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event as Stop
from typing import Any

from sqlalchemy import Engine

from libs.common.messaging.consumer import Beat
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Page, Provider, Unreachable

PERMIT_WAIT_S = 0.1
CLOSED_MIN_S = 60.0


@dataclass
class Reader:
    """The provider's lists and objects, read within the rate limits.

    Every method raises `Unreachable` while the provider does not answer, or when we are stopping.
    """

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
        """Read one object, with the request's id under `_request_id`."""
        answer = self.call("GET", path)
        if answer.status != 200 or answer.data is None:
            raise Unreachable(answer)
        return {**answer.data, "_request_id": answer.request_id}

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        """Make one call of any kind; a 429 closes the tier."""
        tier = rate_limiter.tier_of(method, path)
        self.permit(tier)
        answer, _ = self.provider.send(method, path, content, key)
        self._close_if_limited(tier, answer)
        return answer

    def page(self, path: str, params: Mapping[str, str]) -> Page:
        """Read one page of a list."""
        self.permit(rate_limiter.READS)
        try:
            return self.provider.list(path, params)
        except Unreachable as error:
            self._close_if_limited(rate_limiter.READS, error.answer)
            raise

    def pages(self, path: str, params: Mapping[str, str]) -> Iterator[Page]:
        """Read all pages by cursor, newest first."""
        cursor = ""
        while True:
            page = self.page(path, {**params, **({"page_cursor": cursor} if cursor else {})})
            yield page
            cursor = page.next_cursor
            if not cursor or not page.lines:
                return

    def all(self, path: str, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], bool]:
        """Read a whole list; return (lines, complete).

        Only a walk with as many different lines as the provider counts shows what is absent.
        """
        lines: dict[str, dict[str, Any]] = {}
        total = 0
        for page in self.pages(path, params):
            lines.update((str(line["id"]), line) for line in page.lines)
            total = page.total
        return list(lines.values()), len(lines) == total

    def _close_if_limited(self, tier: str, answer: Answer) -> None:
        if answer.status == 429:
            with self.engine.begin() as connection:
                rate_limiter.close(connection, tier, max(CLOSED_MIN_S, answer.retry_after_s))


def since(provider_date: datetime | None) -> dict[str, str]:
    """Return the list parameters for two days before a time of the provider's own clock.

    Without a time everything is listed.
    """
    if provider_date is None:
        return {}
    from_date = (provider_date.astimezone(UTC) - timedelta(days=2)).date()
    return {"from_date": from_date.isoformat()}
