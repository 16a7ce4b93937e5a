"""The arithmetic of the rate limiter: evenly spaced calls after a short burst."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bucket:
    """One tier of the limiter: at most `per_min` calls in any 60 s, evenly spaced after a burst.

    `free_at_s` is when the next call may be made, in seconds by the database's clock. If that is
    in the past, some calls are free now.
    """

    per_min: int
    free_at_s: float
    closed_until_s: float = 0.0

    @property
    def burst(self) -> int:
        """How many calls may go at once. Burst and rate together never exceed `per_min`."""
        return max(1, self.per_min // 20)

    @property
    def interval_s(self) -> float:
        """Seconds between two calls.

        3 % stay unused: calls that leave here evenly spaced may arrive closer together.
        """
        return 60.0 / max(1.0, self.per_min * 0.97 - self.burst)


def grant(buckets: Iterable[Bucket], wanted: int, now_s: float) -> int:
    """Return how many of `wanted` calls all of the buckets have room for now."""
    room = wanted
    for bucket in buckets:
        if bucket.closed_until_s > now_s:
            return 0
        start = max(bucket.free_at_s, now_s - bucket.burst * bucket.interval_s)
        room = min(room, int((now_s - start) / bucket.interval_s))
    return max(0, room)


def spend(bucket: Bucket, count: int, now_s: float) -> float:
    """Return the bucket's next `free_at_s` after `count` calls."""
    start = max(bucket.free_at_s, now_s - bucket.burst * bucket.interval_s)
    return start + count * bucket.interval_s
