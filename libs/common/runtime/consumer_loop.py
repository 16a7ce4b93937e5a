"""A consumer as a supervised loop, and the watch that ends a process whose Kafka client hangs.

A client that stands still gives itself up in `poll` (messaging/kafka_source.py). But librdkafka can
also hang inside a call, and then only the end of the process helps: its manager starts it again.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Stop

from sqlalchemy import Engine

from libs.common.messaging.client_health import LATELY_S
from libs.common.messaging.consumer import Apply, Beat, FindRefusals, consume
from libs.common.messaging.kafka_source import KafkaSource
from libs.common.messaging.lag import ASK_EVERY_S, LagMeter
from libs.common.observability.process_end import end_process

#: Leaving a group takes less than a second.
CLOSE_MAX_S = 10.0
#: One call asks for messages for a second; an assignment asks broker and database in it.
INSIDE_MAX_S = 60.0
EndProcess = Callable[..., None]


@dataclass
class ConsumerLoop:
    """One consumer of one topic: opens a source, consumes, and closes it within ten seconds.

    Args:
        name: the consumer's name, which is also that of its group.
        open_source: opens a source; called again after each failure.
        find_refusals: which messages are refused for their signature; None believes every one.
        end: ends the process, with the fields of a log line.
        applied: called after each transaction of messages.
    """

    name: str
    engine: Engine
    apply: Apply
    open_source: Callable[[], KafkaSource]
    find_refusals: FindRefusals | None = None
    end: EndProcess = end_process
    applied: Callable[[], None] = lambda: None
    source: KafkaSource | None = field(init=False, default=None)
    worked_at: float = field(init=False, default_factory=time.monotonic)
    #: When a client of it was last in its group with an assignment; None: none has been yet.
    in_group_at: float | None = field(init=False, default=None)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Consume until `stop`. Errors are those of `consume`."""

        def beat_and_note() -> None:
            beat()
            self._note()
            if self.is_working():
                self.worked_at = time.monotonic()

        self.source = self.open_source()
        try:
            consume(
                self.source,
                self.engine,
                self.name,
                self.apply,
                stop,
                beat_and_note,
                self.find_refusals,
                self.applied,
            )
        finally:
            source, self.source = self.source, None
            self._close(source)

    def is_working(self) -> bool:
        """Whether its client is assigned now and heard the broker lately."""
        source = self.source
        return source is not None and source.health.is_working()

    def is_ready(self) -> bool:
        """Whether it is working, or did so within the last 15 s.

        On a machine that has too much to do a client loses its group and finds it again. The
        service answers people meanwhile, and who asks whether it is ready should not see it come
        and go.
        """
        self._note()
        return self.in_group_at is not None and time.monotonic() - self.in_group_at < LATELY_S

    def _note(self) -> None:
        source = self.source
        if source is not None and source.health.is_working():
            self.in_group_at = time.monotonic() - source.health.standing_s()

    def standing_s(self) -> float:
        """Seconds since it last worked, also over several clients; 0 while it works."""
        return 0.0 if self.is_working() else time.monotonic() - self.worked_at

    def check(self) -> None:
        """End the process if the loop does not come back from a call of its client."""
        source = self.source
        since = source.inside_since if source is not None else None
        if since is not None and time.monotonic() - since > INSIDE_MAX_S:
            self._end_because(f"a call of the client has not returned for {INSIDE_MAX_S:.0f} s")

    def _close(self, source: KafkaSource) -> None:
        late = f"the client has not closed within {CLOSE_MAX_S:.0f} s"
        timer = threading.Timer(CLOSE_MAX_S, lambda: self._end_because(late))
        timer.daemon = True
        timer.start()
        try:
            source.close()
        finally:
            timer.cancel()

    def _end_because(self, reason: str) -> None:
        self.end("kafka_client_hangs", loop=self.name, code="kafka.client-hangs", reason=reason)


@dataclass(frozen=True)
class ConsumerWatch:
    """Measures the lag and looks after all consumers of a service, from a thread of its own.

    Args:
        is_quarantined: whether the database is quarantined, so that the consumers stand still on
            purpose.
    """

    meter: LagMeter
    consumers: list[ConsumerLoop]
    is_quarantined: Callable[[], bool] = lambda: False

    def run(self, stop: Stop, beat: Beat) -> None:
        """Measure and check every five seconds until `stop`."""
        while not stop.is_set():
            beat()
            self.turn()
            stop.wait(ASK_EVERY_S)

    def turn(self) -> None:
        """Measure and check once. While the database is quarantined, all times begin again."""
        self.meter.measure()
        if self.is_quarantined():
            self.meter.start_again()
        for consumer in self.consumers:
            consumer.check()
            if self.is_quarantined():
                consumer.worked_at = time.monotonic()

    def gauges(self) -> dict[str, float]:
        """The figures for Prometheus; the lag is missing until it was measured once.

        While the database is quarantined, it is no fault that nothing moves: the figures of which
        one would be an alert are missing. The quarantine has an alert of its own.
        """
        found = {"lag_age_seconds": self.meter.age_s()}
        if not self.is_quarantined():
            found["flow_age_seconds"] = self.meter.flow_age_s()
            found["consumers_standing_seconds"] = max(one.standing_s() for one in self.consumers)
        if self.meter.lags:
            found["lag"] = float(sum(self.meter.lags.values()))
        return found
