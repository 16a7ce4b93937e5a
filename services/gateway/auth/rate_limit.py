"""Rate limits: one token bucket per key, which holds a minute's worth of calls and refills evenly.

The buckets are in this process's memory. The limit is there for scripts that run wild, not for
money: a restart may reset it, and a second gateway may count separately. A database row per
request would cost more than the limit saves.
"""

import math
import time
from collections.abc import Callable

KEYS_MAX = 10_000


class RateLimiter:
    """Limits of one kind, such as calls per person. Not for use from several threads."""

    def __init__(
        self, per_min: int, clock: Callable[[], float] = time.monotonic, keys_max: int = KEYS_MAX
    ) -> None:
        self.per_min, self.clock, self.keys_max = per_min, clock, keys_max
        # key -> (calls left, at what time). The most recently used key is last.
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> int:
        """Count one call of a key.

        Returns:
            0, or the whole seconds to wait. In that case the call is not counted.
        """
        now = self.clock()
        left, since = self._buckets.pop(key, (float(self.per_min), now))
        left = min(float(self.per_min), left + (now - since) * self.per_min / 60)
        self._buckets[key] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._buckets) > self.keys_max:
            del self._buckets[next(iter(self._buckets))]  # the least recently used, so the fullest
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self.per_min)
