"""Up to which moment a database has applied all messages of a topic.

A lag in messages does not say how old figures are. So the ends of the topic are remembered with the
moment at which they were asked: the newest moment whose ends have all been applied is the age.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

#: An hour of questions. Then every second one is forgotten, which makes the age coarser.
ENDS_MAX = 720


@dataclass
class AppliedUntil:
    """One consumer of one topic. Moments are seconds of the caller's monotonic clock.

    `until` is None while no moment is known up to which all is applied: after a start, before the
    consumer has caught up once.
    """

    until: float | None = None
    _ends: deque[tuple[float, Mapping[int, int]]] = field(default_factory=deque)

    def note(self, at: float, ends: Mapping[int, int], stored: Mapping[int, int]) -> None:
        """Take in one measurement.

        Args:
            at: a moment before the ends were asked.
            ends: the offset after the last message, by partition.
            stored: the offset in the database, by partition; read after the ends were.
        """
        self._ends.append((at, ends))
        while self._ends and is_applied(self._ends[0][1], stored):
            self.until, _ = self._ends.popleft()
        if len(self._ends) > ENDS_MAX:
            self._ends = deque(list(self._ends)[::2])


def is_applied(ends: Mapping[int, int], stored: Mapping[int, int]) -> bool:
    """Whether the database has gone as far as these ends."""
    return all(stored.get(partition, 0) >= end for partition, end in ends.items())
