"""GET /batches/{id}/live: server-sent events. A full snapshot first, then what changed, asked for about once a second.

A client that comes back with Last-Event-ID gets a snapshot again: it is the truth now, whatever was missed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from libs.common.web.problem_details import Problem
from services.gateway.upstream import Refusal

EVERY_S, HEARTBEAT_S, ASK_AGAIN_S = 1.0, 15.0, 30.0

Read = Callable[[], Awaitable[dict[str, Any]]]
Still = Callable[[], Awaitable[bool]]


@dataclass
class Seats:
    """How many more live streams may be open."""

    free: int

    def check(self) -> None:
        """Refuse one more when there are enough. A seat is taken by the stream itself, so that one never begun holds none.

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
class Pace:
    """How often to ask, to say that we are still there, and to look whether the reader is still signed in (seconds)."""

    every_s: float = EVERY_S
    heartbeat_s: float = HEARTBEAT_S
    ask_again_s: float = ASK_AGAIN_S


def message(event: str, number: int, data: dict[str, Any]) -> str:
    """One event on the wire."""
    return f"event: {event}\nid: {number}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def events(
    first: dict[str, Any], read: Read, still: Still, seats: Seats, pace: Pace
) -> AsyncIterator[str]:
    """Until the reader leaves or is no longer signed in: `snapshot`, then `change` with the fields that differ, `away` while the figures cannot be had."""
    seats.free -= 1
    try:
        number, known, said = 1, first, time.monotonic()
        asked = said
        yield f"retry: 2000\n{message('snapshot', number, known)}"
        away = False
        while True:
            await asyncio.sleep(pace.every_s)
            if time.monotonic() - asked >= pace.ask_again_s:
                if not await still():
                    return
                asked = time.monotonic()
            try:
                now = await read()
            except (Problem, Refusal):
                if not away:
                    number, said, away = number + 1, time.monotonic(), True
                    yield message(
                        "away",
                        number,
                        {
                            "message": "The figures cannot be read at the moment; these are the last ones."
                        },
                    )
                continue
            changed = {name: value for name, value in now.items() if known.get(name) != value}
            if changed or away:
                number, known, said = number + 1, now, time.monotonic()
                yield message("snapshot" if away else "change", number, now if away else changed)
                away = False
            elif time.monotonic() - said >= pace.heartbeat_s:
                said = time.monotonic()
                yield ": still here\n\n"
    finally:
        seats.free += 1
