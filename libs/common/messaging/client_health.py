"""Whether a Kafka client works, by what it reports of itself: in its group, and hears the broker.

librdkafka reports once every few seconds (`statistics.interval.ms`). A client that lost its group
and never finds it again (state `query-coord`) shows that in its reports; one that has died or
frozen reports nothing.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

REPORT_EVERY_MS = 5_000
#: A report older than this, or a broker that was not heard for so long, is no longer "lately".
LATELY_S = 15.0
#: A client that has not worked for so long is closed, and another is made.
STANDING_MAX_S = 60.0
#: The same for one that has dropped all its brokers: it does not look for them again (ADR 45).
WITHOUT_BROKERS_MAX_S = 12.0


class ClientHealth:
    """What one consumer's client reports. Times are seconds of a clock that never goes back.

    Only the thread that polls the client writes; others may read.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        #: Set by the callbacks of the group: whether it has an assignment, empty or not.
        self.assigned = False
        #: The group's state and the client's state in it, in librdkafka's words.
        self.state = "no report yet"
        self._in_group = False
        self._dropped_at: float | None = None
        self._heard_at = self._worked_at = self._polled_at = clock()

    def report(self, statistics: str) -> None:
        """Take in one report: JSON as librdkafka describes it in STATISTICS.md."""
        found = json.loads(statistics)
        group = found.get("cgrp", {})
        self._in_group = group.get("state") == "up" and group.get("join_state") == "steady"
        self.state = f"{group.get('state')}, {group.get('join_state')}"
        # -1: nothing was ever received on this connection
        silences_us = [
            broker["rxidle"]
            for broker in found.get("brokers", {}).values()
            if broker.get("rxidle", -1) >= 0
        ]
        now = self.clock()
        if silences_us:
            self._heard_at = now - min(silences_us) / 1_000_000
        if not has_dropped_brokers(found):
            self._dropped_at = None
        elif self._dropped_at is None:
            self._dropped_at = now
        self._note(now)

    def polled(self) -> None:
        """Note that the client was polled: it reports only then.

        A pause between two polls, while a database is away, does not count against it.
        """
        now = self.clock()
        if now - self._polled_at > LATELY_S:
            self._worked_at = self._heard_at = now
            self._dropped_at = None
        self._polled_at = now
        self._note(now)

    def is_working(self) -> bool:
        """Whether it is assigned now, and was in its group and heard the broker lately."""
        return self.assigned and self.standing_s() < LATELY_S

    def standing_s(self) -> float:
        """Seconds since it was last in its group with an assignment, and heard the broker."""
        return self.clock() - self._worked_at

    def without_brokers_s(self) -> float:
        """Seconds since a report first said that it has dropped its brokers; 0 if it has not."""
        return 0.0 if self._dropped_at is None else self.clock() - self._dropped_at

    def _note(self, now: float) -> None:
        if self.assigned and self._in_group and now - self._heard_at < LATELY_S:
            self._worked_at = now


def has_dropped_brokers(report: Mapping[str, Any]) -> bool:
    """Whether a client is out of its group, and connects to none of the brokers it knows.

    librdkafka does so after a metadata answer that names no broker, as one gives that its
    controller has fenced for a moment (librdkafka issue 5301).
    """
    if report.get("cgrp", {}).get("state") == "up":
        return False
    real = [one for one in report.get("brokers", {}).values() if one.get("source") != "logical"]
    return all(one.get("state") == "INIT" for one in real)
