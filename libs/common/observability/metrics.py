"""Gauges that are computed by a query when Prometheus asks for them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

Gauge = Callable[[], float]


@dataclass(frozen=True)
class QueryGauge:
    """A gauge whose value `read` computes; called by itself, on a connection of its own.

    Errors of the database are raised to the scrape, which then fails as a whole: a figure that
    cannot be read is missing, never 0.
    """

    engine: Engine
    read: Callable[[Connection], float]

    def __call__(self) -> float:
        """The value now."""
        with self.engine.connect() as connection:
            return float(self.read(connection))


def from_query(engine: Engine, read: Callable[[Connection], float]) -> QueryGauge:
    """A gauge whose value `read` computes at each scrape."""
    return QueryGauge(engine, read)


@dataclass
class Age:
    """How long something has waited, by the database's clock, which may be set back.

    What waits is then dated ahead, and its age would be negative, for days: no alert would fire. It
    counts from the first look at it, by a clock that nobody sets.
    """

    clock: Callable[[], float] = time.monotonic
    _dated_ahead_at: float | None = field(init=False, default=None)

    def of(self, age_s: float) -> float:
        """The age to show, in seconds: never negative."""
        if age_s >= 0:
            self._dated_ahead_at = None
            return age_s
        if self._dated_ahead_at is None:
            self._dated_ahead_at = self.clock()
        return self.clock() - self._dated_ahead_at


def age_from_query(engine: Engine, read: Callable[[Connection], float]) -> QueryGauge:
    """A gauge of an age in seconds, which `read` computes by the database's clock."""
    age = Age()
    return QueryGauge(engine, lambda connection: age.of(float(read(connection))))


def read_gauges(connection: Connection, gauges: Mapping[str, Gauge]) -> dict[str, float]:
    """The values of all gauges; those that are queries are read on this one connection.

    A connection for each would cost four times the round trips, and on a machine without a free
    processor each of them waits: the scrape would time out.
    """
    return {
        name: float(gauge.read(connection)) if isinstance(gauge, QueryGauge) else gauge()
        for name, gauge in gauges.items()
    }
