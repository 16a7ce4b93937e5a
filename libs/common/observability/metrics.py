"""Gauges that are computed by a query when Prometheus asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


def read_gauges(connection: Connection, gauges: Mapping[str, Gauge]) -> dict[str, float]:
    """The values of all gauges; those that are queries are read on this one connection.

    A connection for each would cost four times the round trips, and on a machine without a free
    processor each of them waits: the scrape would time out.
    """
    return {
        name: float(gauge.read(connection)) if isinstance(gauge, QueryGauge) else gauge()
        for name, gauge in gauges.items()
    }
