"""How often somebody may ask: a bucket per key that holds a minute's worth and fills evenly.

In this process's memory, on purpose: the limit is there for scripts that have run wild, not for money, so a restart may forget it
and a second gateway may count for itself; a row of the database for every request would cost more than it guards.
"""

import math
import time
from collections.abc import Callable

KEYS_MAX = 10_000


class Buckets:
    """Buckets of one kind, such as calls per person. Not for use from several threads."""

    def __init__(
        self, per_min: int, clock: Callable[[], float] = time.monotonic, keys_max: int = KEYS_MAX
    ) -> None:
        self.per_min, self.clock, self.keys_max = per_min, clock, keys_max
        self._left: dict[
            str, tuple[float, float]
        ] = {}  # key -> (how much is in it, since when); the one used last stands last

    def take(self, key: str) -> int:
        """Take one from a bucket: 0, or the whole seconds to wait because it is empty (then nothing is taken)."""
        now = self.clock()
        left, since = self._left.pop(key, (float(self.per_min), now))
        left = min(float(self.per_min), left + (now - since) * self.per_min / 60)
        self._left[key] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._left) > self.keys_max:
            del self._left[next(iter(self._left))]  # the one longest unused, and so the fullest
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self.per_min)
