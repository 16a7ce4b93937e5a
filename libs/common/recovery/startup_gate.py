"""Startup gate: a service whose database was restored from an older backup stays read-only.

It reads no topic and decides nothing until two people release the database. Only then its loops
start.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event as Stop
from threading import Thread

from confluent_kafka import KafkaException
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import Topic, facts_of
from libs.common.database.engine import is_unavailable
from libs.common.database.identity import DatabaseIdentityGuard
from libs.common.messaging import offsets, topic_reader
from libs.common.messaging.consumer import Beat, Verify
from libs.common.messaging.forged_messages import NONE_FORGED, ForgedMessages
from libs.common.messaging.written_offsets import Ends
from libs.common.observability.logs import frames, log
from libs.common.recovery import lost_messages, quarantine, restore
from libs.common.recovery.own_messages import OwnMessages
from libs.common.recovery.restore import RecoveryBlocked, RecoverySteps

STARTING = "It compares its database with Kafka; that takes as long as Kafka does not answer."
CHECK_S, QUARANTINED_S, WATCH_S, BLOCKED_S = 0.3, 1.0, 5.0, 60.0

#: Starts the consumers, until the event given to it is set; returns their threads.
StartConsumers = Callable[[Stop], list[Thread]]


@dataclass
class StartupGate:
    """Whether a service may decide anything.

    Args:
        name: the service.
        at_head: whether the database's schema is the newest.
        recovery_steps: what the service recovers besides its own messages.
        verify: verifies that a message is the service's own.
        forged: messages in its name that people found to be forged.

    `closed_because` says why it may not: the service is starting, or its database is quarantined;
    "" once the gate is open. `identity_guard` detects that the database is replaced later.
    `topic_ends` says where the service's own topics ended when the gate opened.
    """

    name: str
    engine: Engine
    bootstrap: str
    at_head: Callable[[], bool]
    recovery_steps: RecoverySteps = field(default_factory=RecoverySteps)
    verify: Verify | None = None
    forged: ForgedMessages = NONE_FORGED
    closed_because: str = field(init=False)
    identity_guard: DatabaseIdentityGuard = field(init=False)
    topic_ends: Ends = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.closed_because = STARTING if self.own_topics else ""
        self.identity_guard = DatabaseIdentityGuard(self.engine)

    @property
    def own_topics(self) -> list[Topic]:
        """The topics on which this service publishes facts.

        With none, nothing rests on its database, and its gate is always open.
        """
        return facts_of(self.name)

    @property
    def _own(self) -> OwnMessages:
        return OwnMessages(self.name, self.verify, self.forged)

    @property
    def quarantined_because(self) -> str:
        """Why the database is quarantined; "" if it is not."""
        return "" if self.closed_because == STARTING else self.closed_because

    def wait(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        start_consumers: StartConsumers,
    ) -> None:
        """Return when the gate is open, or on `stop`.

        Args:
            consumed: the topics whose consumers `start_consumers` starts.
        """
        while self.closed_because and not stop.is_set():
            beat()
            if not self.at_head():  # another process is migrating the database
                stop.wait(CHECK_S)
                continue
            with self.engine.connect() as connection:
                # A quarantined database may be replaced by another copy.
                self.identity_guard.check(connection)
            if self.closed_because == STARTING:
                restore.detect_restore(
                    self.engine, self.bootstrap, self._own, self.own_topics, beat
                )
            with self.engine.connect() as connection:
                reason = _quarantine_reason(connection)
            if not reason:
                self._refuse_lost_messages(beat)
            self.closed_because = reason
            if self.closed_because:
                self._try_to_recover(stop, beat, consumed, start_consumers)
                stop.wait(QUARANTINED_S)

    def watch(self, stop: Stop, beat: Beat) -> None:
        """End the process if the database is replaced or quarantined while the service runs.

        The process is started again, and checks its database as at every start.
        """
        while not stop.wait(WATCH_S):
            beat()
            try:
                with self.engine.connect() as connection:
                    self.identity_guard.check_and_advance(connection)
                    why = _quarantine_reason(connection) if self.own_topics else ""
                if why:
                    self.identity_guard.on_replaced(why)
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise

    def _refuse_lost_messages(self, beat: Beat) -> None:
        """End the process if its topics are an older copy, before it writes or decides anything."""
        self.topic_ends = lost_messages.refuse_lost_messages(
            self.engine, self.bootstrap, self.name, self.own_topics, beat
        )

    def _try_to_recover(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        start_consumers: StartConsumers,
    ) -> None:
        """Recover; if that is impossible, show people why and wait a minute."""
        try:
            self._recover(stop, beat, consumed, start_consumers)
        except Exception as error:
            if isinstance(error, (Retry, KafkaException)) or is_unavailable(error):
                raise
            log.critical(
                "recovery_blocked",
                error=type(error).__name__,
                code=getattr(error, "code", None),
                traceback=frames(error),
            )
            reason = (
                str(error)
                if isinstance(error, RecoveryBlocked)
                else f"The recovery stopped with an error ({type(error).__name__}); "
                f"a person must look at the log of {self.name}."
            )
            quarantine.report_progress(self.engine, reason)
            stop.wait(BLOCKED_S)

    def _recover(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        start_consumers: StartConsumers,
    ) -> None:
        """Recover what can be, unless that is done or another replica does it."""
        with quarantine.recovery_lock(self.engine) as mine:
            with self.engine.connect() as connection:
                row = quarantine.find_open(connection)
            if not mine or row is None or row.settled_at is not None:
                return
            quarantine.report_progress(
                self.engine, "The service's own messages are being recovered from the topics."
            )
            restore.recover_own_messages(
                self.engine, self.bootstrap, self._own, self.own_topics, beat
            )
            self.recovery_steps.before(self.engine, row.first_outbox_id, beat)
            if self.recovery_steps.reads:
                quarantine.report_progress(
                    self.engine, "The topics it consumes are being read to their ends."
                )
                self._catch_up(stop, beat, consumed, start_consumers)
            if not stop.is_set():
                self.recovery_steps.after(self.engine, row.first_outbox_id, stop, beat)
            if not stop.is_set():
                quarantine.mark_recovered(self.engine)

    def _catch_up(
        self,
        stop: Stop,
        beat: Beat,
        consumed: Collection[Topic],
        start_consumers: StartConsumers,
    ) -> None:
        """Run the consumers until each is where its topic ended when this began."""
        with closing(topic_reader.reader(self.bootstrap, f"{self.name}.restored")) as reader:
            ends = {
                (topic.name, partition): end
                for topic in consumed
                for partition, (_, end) in topic_reader.watermarks(reader, topic.name).items()
                if end
            }
        caught_up = Stop()
        threads = start_consumers(caught_up)
        while not stop.wait(CHECK_S):
            beat()
            with self.engine.connect() as connection:
                reached = offsets.find_all(connection)
            if all(reached.get(place, 0) >= end for place, end in ends.items()):
                break
        caught_up.set()
        # A consumer ends after the transaction it is in.
        while any(thread.is_alive() for thread in threads) and not stop.wait(CHECK_S):
            beat()


def _quarantine_reason(connection: Connection) -> str:
    row = quarantine.find_open(connection)
    return "" if row is None else str(row.why)
