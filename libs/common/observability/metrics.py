"""Gauges that are computed by a query when Prometheus asks for them."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine

Gauge = Callable[[], float]


def from_query(engine: Engine, read: Callable[[Connection], float]) -> Gauge:
    """A gauge whose value `read` computes on a connection of its own at each scrape.

    Errors of the database are raised to the scrape, which then fails as a whole: a figure that
    cannot be read is missing, never 0.
    """

    def gauge() -> float:
        with engine.connect() as connection:
            return float(read(connection))

    return gauge
