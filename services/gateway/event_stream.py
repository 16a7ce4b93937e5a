"""Server-sent events of a batch's live view: a full snapshot first, then the fields that changed.

The figures are read from reports about once a second. A client that reconnects with
Last-Event-ID gets a snapshot again: it is current, whatever the client has missed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from libs.common.web.problem_details import Problem
from services.gateway.upstream import UpstreamRefusal

READ_EVERY_S, HEARTBEAT_S, CHECK_SIGN_IN_S = 1.0, 15.0, 30.0
RECONNECT_MS = 2_000
AWAY = "The figures cannot be read at the moment. The last ones are shown."

Figures = dict[str, Any]
ReadFigures = Callable[[], Awaitable[Figures]]
IsStillSignedIn = Callable[[], Awaitable[bool]]


@dataclass
class StreamSlots:
    """How many more streams may be open."""

    free: int

    def check(self) -> None:
        """Refuse a stream while none is free.

        The stream takes its slot itself, so one that is never read occupies none.

        Raises:
            Problem: 503.
        """
        if self.free <= 0:
            raise Problem(
                503,
                "live.full",
                "Too many live views are open.",
                "Close some, or look at the batch without its live view.",
            )


@dataclass(frozen=True)
class StreamTiming:
    """How often to read the figures, send a heartbeat, and check the reader's sign-in (seconds)."""

    read_every_s: float = READ_EVERY_S
    heartbeat_s: float = HEARTBEAT_S
    check_sign_in_s: float = CHECK_SIGN_IN_S


def format_event(event: str, number: int, data: Figures) -> str:
    """One event as text of the stream."""
    return f"event: {event}\nid: {number}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def events(
    first: Figures,
    read: ReadFigures,
    is_still_signed_in: IsStillSignedIn,
    slots: StreamSlots,
    timing: StreamTiming,
) -> AsyncIterator[str]:
    """The stream, until its reader leaves or is signed out.

    `snapshot`, then `change` with the fields that differ, `away` while the figures cannot be read
    and a `snapshot` after it; a comment as a heartbeat if nothing changes.
    """
    slots.free -= 1
    try:
        changes = _Changes(first)
        yield f"retry: {RECONNECT_MS}\n{changes.snapshot()}"
        checked_at = time.monotonic()
        while True:
            await asyncio.sleep(timing.read_every_s)
            if time.monotonic() - checked_at >= timing.check_sign_in_s:
                if not await is_still_signed_in():
                    return
                checked_at = time.monotonic()
            try:
                event = changes.update(await read())
            except (Problem, UpstreamRefusal):
                event = changes.away()
            if event is not None:
                yield event
            elif not changes.is_away and changes.silent_s() >= timing.heartbeat_s:
                changes.sent_at = time.monotonic()
                yield ": still here\n\n"
    finally:
        slots.free += 1


@dataclass
class _Changes:
    """What the reader of a stream knows, and the number of the last event."""

    known: Figures
    number: int = 1
    is_away: bool = False
    sent_at: float = field(default_factory=time.monotonic)

    def snapshot(self) -> str:
        """All figures."""
        return format_event("snapshot", self.number, self.known)

    def update(self, figures: Figures) -> str | None:
        """The event for newly read figures; None if nothing changed."""
        changed = {name: v for name, v in figures.items() if self.known.get(name) != v}
        if not changed and not self.is_away:
            return None
        was_away, self.is_away = self.is_away, False
        self.known = figures
        self._count()
        return self.snapshot() if was_away else format_event("change", self.number, changed)

    def away(self) -> str | None:
        """The event for figures that cannot be read; None if the reader knows it already."""
        if self.is_away:
            return None
        self.is_away = True
        self._count()
        return format_event("away", self.number, {"message": AWAY})

    def silent_s(self) -> float:
        """Seconds since the last event."""
        return time.monotonic() - self.sent_at

    def _count(self) -> None:
        self.number += 1
        self.sent_at = time.monotonic()
