"""The client with which a service asks the broker: for the ends of topics, and for their ids.

It is in no group, so its answers do not depend on the consumers. All consumers of a service share
one: each client has threads and connections of its own, which the broker and the machine pay for.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from libs.common.messaging.address import client_settings


@dataclass
class BrokerClient:
    """A client that is made anew if it gets no answer: it may be the broken part (ADR 45)."""

    bootstrap: str
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _admin: AdminClient | None = field(init=False, default=None)
    _answered_at: float = field(init=False, default=0.0)

    def admin(self) -> AdminClient:
        """The client. Hold it until what was asked is answered: its end cancels questions."""
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient({**client_settings(self.bootstrap), "log_level": 2})
                self._answered_at = self.clock()
            return self._admin

    def answered(self) -> None:
        """Note that it was answered now."""
        self._answered_at = self.clock()

    def unanswered(self, anew_s: float) -> None:
        """Note that it was not: after `anew_s` without any answer the next one is a new client."""
        dropped = None  # its end takes a moment, for which nobody waits
        with self._lock:
            if self.clock() - self._answered_at > anew_s:
                dropped, self._admin = self._admin, None
        del dropped
