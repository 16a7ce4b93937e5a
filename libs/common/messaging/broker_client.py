"""The client with which a service asks the broker: for the ends of topics, and for their ids.

It is in no group, so its answers do not depend on the consumers. All consumers of a service share
one: each client has threads and connections of its own, which the broker and the machine pay for.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from confluent_kafka import TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its __init__ re-exports without __all__
    AdminClient,
    TopicDescription,
)

from libs.common.messaging.address import client_settings

#: What was asked so lately is not asked again for another topic.
LATELY_S = 1.0


@dataclass(frozen=True)
class Descriptions:
    """One question for the descriptions of topics, and when it was asked.

    It holds the client: its end would cancel the question.
    """

    asked_at: float
    admin: AdminClient
    answers: Mapping[str, Future[TopicDescription]]


@dataclass
class BrokerClient:
    """A client that is made anew if it gets no answer: it may be the broken part (ADR 45)."""

    bootstrap: str
    clock: Callable[[], float] = time.monotonic
    _lock: threading.RLock = field(init=False, default_factory=threading.RLock)
    _admin: AdminClient | None = field(init=False, default=None)
    _answered_at: float = field(init=False, default=0.0)
    _topics: set[str] = field(init=False, default_factory=set)
    _asked: Descriptions | None = field(init=False, default=None)

    def admin(self) -> AdminClient:
        """The client. Hold it until what was asked is answered: its end cancels questions."""
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient({**client_settings(self.bootstrap), "log_level": 2})
                self._answered_at = self.clock()
            return self._admin

    def describe(self, topic: str, within_s: float = LATELY_S) -> Descriptions:
        """Ask for the description of a topic, with those of all others that are asked for here.

        Args:
            within_s: a question that was asked within so long serves as well.
        """
        with self._lock:
            self._topics.add(topic)
            asked, now = self._asked, self.clock()
            if asked is None or now - asked.asked_at >= within_s or topic not in asked.answers:
                admin, topics = self.admin(), TopicCollection(sorted(self._topics))
                answers = admin.describe_topics(topics, request_timeout=10.0)
                asked = self._asked = Descriptions(now, admin, answers)
            return asked

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
