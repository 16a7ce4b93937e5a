"""How far a service's consumers are behind: the broker's ends against the offsets in the database.

A client of its own asks, which is in no group: so the answer does not depend on the consumers, and
there is one while nothing is assigned. It also says whether the broker answers anybody at all.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaException
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.messaging import offsets
from libs.common.messaging.applied import AppliedUntil
from libs.common.messaging.broker_client import BrokerClient
from libs.common.messaging.end_offsets import end_offsets
from libs.common.messaging.error_text import describe
from libs.common.observability.logs import log

ASK_EVERY_S, ANSWER_S = 5.0, 4.0
#: The client that asks is made anew after so long without an answer: it may be the broken part.
ANEW_S = 30.0


@dataclass
class LagMeter:
    """Measures the lag of each consumer of a service.

    Args:
        consumers: the topic each consumer reads, by the consumer's name.
    """

    engine: Engine
    bootstrap: str
    consumers: dict[str, str]
    clock: Callable[[], float] = time.monotonic
    #: The newest lag of each consumer in messages; empty until it was measured.
    lags: dict[str, int] = field(init=False, default_factory=dict)
    #: When each consumer was last seen moving on, or with nothing to read.
    moved_at: dict[str, float] = field(init=False, default_factory=dict)
    #: Up to which moment each consumer has applied everything.
    applied: dict[str, AppliedUntil] = field(init=False, default_factory=dict)
    started_at: float = field(init=False)
    answered_at: float = field(init=False)
    measured_at: float = field(init=False)
    _read: dict[str, int] = field(init=False, default_factory=dict)
    _answering: bool = field(init=False, default=True)
    client: BrokerClient = field(init=False)
    _partitions: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.started_at = self.answered_at = self.measured_at = self.clock()
        self.client = BrokerClient(self.bootstrap, self.clock)

    def measure(self) -> None:
        """Ask the broker and the database once. Without both answers the last figures stay."""
        asked_at = self.clock()
        try:
            ends = self._ends(sorted(set(self.consumers.values())))
        except (KafkaException, TimeoutError) as error:
            if self._answering:  # one line for each time that it is away
                log.warning("lag_without_broker", next="ask again", **describe(error))
            self._answering = False
            self.client.unanswered(ANEW_S)
            self._partitions = {}
            return
        self.answered_at, self._answering = self.clock(), True
        self.client.answered()
        try:
            with self.engine.connect() as connection:
                read = offsets.find_by_consumer(connection)
        except SQLAlchemyError:
            return  # it is away, or not migrated yet; the age of the figures tells
        for consumer, topic in self.consumers.items():
            stored = read.get((consumer, topic), {})
            self._note(consumer, ends[topic], stored)
            applied = self.applied.setdefault(consumer, AppliedUntil())
            applied.note(asked_at, ends[topic], stored)
        self.measured_at = self.clock()

    def _note(self, consumer: str, ends: Mapping[int, int], stored: Mapping[int, int]) -> None:
        lag = sum(max(0, end - stored.get(partition, 0)) for partition, end in ends.items())
        read = sum(stored.values())
        if lag == 0 or read != self._read.get(consumer):
            self.moved_at[consumer] = self.clock()
        self.lags[consumer], self._read[consumer] = lag, read

    def start_again(self) -> None:
        """Count from now as at the start: until now nothing was meant to move."""
        self.started_at = self.clock()
        self.moved_at.clear()

    def flow_age_s(self) -> float:
        """Seconds since the slowest consumer was seen moving on, or with nothing to read."""
        now = self.clock()
        return max(
            (now - self.moved_at.get(one, self.started_at) for one in self.consumers), default=0.0
        )

    def applied_ages_s(self) -> dict[str, float | None]:
        """By topic: how long ago it was when all that was in it then has been applied by now.

        None: never since the start.
        """
        now = self.clock()
        ages: dict[str, float | None] = {}
        for consumer, topic in self.consumers.items():
            until = self.applied.get(consumer, AppliedUntil()).until
            ages[topic] = None if until is None else now - until
        return ages

    def broker_answers(self) -> bool:
        """Whether the broker answered this client lately."""
        return self.clock() - self.answered_at < 2 * ASK_EVERY_S + ANSWER_S

    def age_s(self) -> float:
        """How old the figures are, in seconds; before the first ones, since the start."""
        return self.clock() - self.measured_at

    def _ends(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        """The offset after the last message of each partition.

        Raises:
            KafkaException, TimeoutError: the broker does not answer, or not for all partitions.
        """
        admin = self.client.admin()
        for topic in topics:
            if not self._partitions.get(topic):
                found = admin.list_topics(topic, timeout=ANSWER_S).topics[topic]
                if found.error is not None:
                    raise KafkaException(found.error)
                self._partitions[topic] = len(found.partitions)
        places = [(topic, number) for topic in topics for number in range(self._partitions[topic])]
        ends: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        for (topic, partition), end in end_offsets(admin, places, ANSWER_S).items():
            ends[topic][partition] = end
        return ends
