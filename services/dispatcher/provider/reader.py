"""Reading from the provider: every page takes its permit, and a walk says if it was complete."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event as Stop
from typing import Any

from sqlalchemy import Engine

from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Page, Provider, Unreachable

PERMIT_WAIT_S = 0.1
SERVER_ERROR = 500
CLOSED_MIN_S = 60.0
#: A walk ends after so many pages, or after twice as many as the provider's own count asks for.
PAGES_MAX = 5_000
HEAD_READS_MAX = 5  # so often what was added during a walk is read after it
#: So often a page is read that is not the first: a walk of many pages never came to its end where
#: each page that was lost on the way began it anew.
PAGE_READS_MAX = 3


class Walk:
    """One walk through a list, newest first: iterate over its pages.

    Afterwards `complete` says whether every line of the list was seen. Only then a line that was
    not seen is absent. A walk is not complete if the provider gives no count or another one, if
    there are more pages than its count explains, or if a cursor repeats.
    """

    def __init__(
        self, reader: Reader, path: str, params: Mapping[str, str], pages_max: int = PAGES_MAX
    ) -> None:
        self.reader, self.path, self.params, self.pages_max = reader, path, params, pages_max
        self.seen: set[str] = set()
        self.added = 0  # lines of the newest page that were not seen before
        self.complete = self.ended_early = False

    def __iter__(self) -> Iterator[Page]:
        first_total = None
        for page in self._pages():
            first_total = page.total if first_total is None else first_total
            yield page
        if self.ended_early:
            return
        if page.total != first_total:
            yield from self._read_added()
        else:
            self.complete = len(self.seen) == page.total

    def _pages(self) -> Iterator[Page]:
        """Follow the cursors from the newest line on, to the end or to what must not be."""
        cursors, cursor, most = {""}, "", self.pages_max
        for number in itertools.count(1):
            page = self._read(cursor)
            yield page
            cursor = page.next_cursor
            if not cursor or not page.lines:
                return
            most = max(most, 2 * page.total // len(page.lines))
            if cursor in cursors or number >= most:
                event = "cursor_repeats" if cursor in cursors else "list_too_long"
                log.warning(event, path=self.path, count=number)
                self.ended_early = True
                return
            cursors.add(cursor)

    def _read_added(self) -> Iterator[Page]:
        """Read what was added at the head meanwhile, until nothing was added while it was read."""
        for _ in range(HEAD_READS_MAX):
            for page in self._pages():
                yield page
                if len(self.seen) == page.total:
                    self.complete = True
                    return
                if not self.added:
                    break
            if self.ended_early:
                return

    def _read(self, cursor: str) -> Page:
        more = {"page_cursor": cursor} if cursor else {}
        tries = PAGE_READS_MAX if cursor else 1
        page = self.reader.page_again(self.path, {**self.params, **more}, tries)
        before = len(self.seen)
        self.seen |= {str(line["id"]) for line in page.lines}
        self.added = len(self.seen) - before
        return page


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

    def page_again(self, path: str, params: Mapping[str, str], tries: int) -> Page:
        """Read one page; where no answer came, or an error of the provider's, up to `tries` times.

        A refusal is not asked for again: the next one would say the same, or a limit is reached.
        """
        for left in range(tries - 1, -1, -1):
            try:
                return self.page(path, params)
            except Unreachable as error:
                status = error.answer.status
                is_lost = status is None or status >= SERVER_ERROR
                if not left or not is_lost or self.stop.is_set():
                    raise
        raise AssertionError("unreachable")

    def walk(self, path: str, params: Mapping[str, str]) -> Walk:
        """Return a walk through all pages by cursor, newest first."""
        return Walk(self, path, params)

    def all(self, path: str, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], bool]:
        """Read a whole list; return (lines, whether the walk was complete)."""
        lines: dict[str, dict[str, Any]] = {}
        walk = self.walk(path, params)
        for page in walk:
            lines.update((str(line["id"]), line) for line in page.lines)
        return list(lines.values()), walk.complete

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
