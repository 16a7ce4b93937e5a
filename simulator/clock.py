"""The simulated clock: real time, or faster, and never backwards."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

SPEED_MAX = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """A point of both times: at wall time `wall_ms` simulated time is `simulated_ms`.

    From there on, simulated time runs `speed` times as fast.
    """

    wall_ms: int
    simulated_ms: int
    speed: float

    def at(self, wall_ms: int) -> int:
        """Simulated milliseconds since 1970. If the wall clock is set back, it stands still."""
        return self.simulated_ms + int(max(0, wall_ms - self.wall_ms) * self.speed)


class Clock:
    """Simulated milliseconds since 1970; monotone, also across a change of speed and a restart."""

    def __init__(self, anchor: Anchor | None = None) -> None:
        wall_ms = time.time_ns() // 1_000_000
        self.anchor = anchor or Anchor(wall_ms, wall_ms, 1.0)
        self._last_ms = self.anchor.simulated_ms

    def now_ms(self) -> int:
        """The time of this moment, never less than an earlier answer."""
        self._last_ms = max(self._last_ms, self.anchor.at(time.time_ns() // 1_000_000))
        return self._last_ms

    def set_speed(self, speed: float) -> None:
        """From now on `speed` simulated seconds pass in each real one."""
        self.anchor = Anchor(time.time_ns() // 1_000_000, self.now_ms(), speed)


@lru_cache(maxsize=4_096)
def iso(ms: int) -> str:
    """2026-11-20T12:00:00.000Z."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def day(ms: int) -> str:
    """2026-11-20, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
