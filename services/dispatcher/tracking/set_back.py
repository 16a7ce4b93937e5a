"""Let nothing wait longer because the database's clock was set back."""

import time

from sqlalchemy import Engine

from libs.common.observability.logs import log
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.store import due

#: The database may run on another machine, whose steps this process does not see.
EVERY_S = 60.0


class SetBackTimes:
    """Brings stored times forward that are further ahead than any wait can be."""

    def __init__(self, engine: Engine, clocks: Clocks, timing: Timing) -> None:
        self.engine, self.clocks, self.timing = engine, clocks, timing
        self.steps, self.looked_at = -1, 0.0

    def bring_forward(self) -> bool:
        """Look after a start, after each step of a clock and once a minute; whether some moved."""
        now = time.monotonic()
        if self.clocks.steps == self.steps and now - self.looked_at < EVERY_S:
            return False
        self.steps, self.looked_at = self.clocks.steps, now
        timing = self.timing
        with self.engine.begin() as connection:
            moved = due.bring_forward(connection, timing.longest_wait_s, timing.longest_reading_s)
        if moved:
            log.warning("waits_brought_forward", count=moved)
        return bool(moved)
