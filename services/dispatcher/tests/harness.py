"""A dispatcher moved by hand, with its production waits.

No threads, a provider in memory, and time that passes when the test says so.
"""

import json
from collections.abc import Callable
from threading import Event as Stop
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, event

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from services.dispatcher import commands
from services.dispatcher.commands import BatchAct, Order
from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending.payments import PaymentSender
from services.dispatcher.sending.walked_batches import WalkedBatches
from services.dispatcher.sending.worker import Call
from services.dispatcher.store import kill_switch, merchants
from services.dispatcher.store.object_preparation import ensure_people_and_loans, ensure_sources
from services.dispatcher.tests.factories import INSTITUTION, announce_batch, approvals
from services.dispatcher.tests.memory_provider import Line, MemoryProvider
from services.dispatcher.tests.running import MIGRATIONS, VERSION
from services.dispatcher.tracking.duplicates import DuplicateDetector
from services.dispatcher.tracking.lookup import PaymentLookup
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.provider_walk import ProviderWalker
from services.dispatcher.tracking.statements import StatementTaker

TABLES = (
    "payment_row",
    "payment",
    "object",
    "batch_row",
    "batch",
    "source",
    "row_count",
    "merchant",
    "attempt",
    "status_change",
    "source_stop",
    "limiter",
    "hint",
    "flag",
    "held_proposal",
    "held_decision",
    "outbox",
    "dead_letter",
    "restored",
    "unknown_payment",
    "duplicate",
    "source_refusal",
    "object_retry",
    "refused_source",
    "unbinding",
    "mended_merchant",
)
#: The dates that become older when time passes.
TIMES = {
    "payment": ("due_at", "lease_until", "poll_due_at", "paid_at"),
    "object": ("due_at", "lease_until"),
    "attempt": ("first_sent_at", "last_sent_at"),
    "status_change": ("at",),
    "batch": ("statement_begun_at", "start_at"),
    "limiter": ("free_at", "closed_until"),
}


class PassesTime(Stop):
    """Who waits on it lets time pass by hand, in the database and for the process."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self.pass_time = pass_time

    def wait(self, timeout: float | None = None) -> bool:
        self.pass_time(timeout or 0.0)
        return self.is_set()


class BareDispatcher:
    """A dispatcher with an empty database; see `ManualDispatcher` for one with a batch."""

    def __init__(
        self,
        engine: Engine,
        owner: Engine,
        timing: Timing | None = None,
        provider: MemoryProvider | None = None,
    ) -> None:
        self.engine, self.owner, self.timing = engine, owner, timing or Timing()
        self.provider = provider or MemoryProvider("memory:", "sk", VERSION, 1.0)
        self._empty_database()
        self.reader = Reader(engine, self.provider, PassesTime(self.pass_time), lambda: None)
        self.provisioner = Provisioner(engine, self.reader, approvals())
        self.poller = StatusPoller(engine, self.reader, self.timing)
        self.detector = DuplicateDetector(engine, self.reader, self.timing)
        self.taker = StatementTaker(engine, self.reader, self.timing, self.detector)
        self.begin_process()

    def begin_process(self) -> None:
        """Begin a process: nothing is remembered that is not in the database."""
        self.clocks = self.provider.clocks = self.provider.new_clocks()
        self.walked = WalkedBatches()
        self.provisioner.approvals = approvals()
        self.lookup = PaymentLookup(self.engine, self.reader, self.timing)
        self.walker = ProviderWalker(self.engine, self.reader, self.detector, self.walked)
        self.sender = PaymentSender(self.timing, self.clocks, self.walked)

    def _empty_database(self) -> None:
        with self.owner.begin() as connection:
            run(connection, f"TRUNCATE {', '.join(TABLES)}")
            kill_switch.engage(connection, False, "", "")
        rate_limiter.configure(self.engine, rate_limiter.PROFILES["demo"])

    def lease(self, limit: int = 4) -> list[Call]:
        with self.engine.begin() as connection:
            return list(self.sender.lease_calls(connection, limit))

    def record(self, answers: list[tuple[Call, Answer]]) -> None:
        with self.engine.begin() as connection:
            self.sender.record_answers(connection, answers)

    def send(self, call: Call) -> Answer:
        answer, _ = self.provider.send(
            "POST", call.path, call.body.encode(), str(call.idempotency_key)
        )
        return answer

    def turn(self, limit: int = 4) -> int:
        """Lease, call, record; how many calls."""
        calls = self.lease(limit)
        self.record([(call, self.send(call)) for call in calls])
        return len(calls)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in the database and for the process."""
        self.age_rows(seconds)
        self.clocks.pass_time(seconds)
        self.sender.tried_at -= seconds
        self.detector.searched_at -= seconds

    def age_rows(self, seconds: float) -> None:
        """Everything that is dated in the database becomes so much older."""
        moved = [
            f"UPDATE {table} SET "
            + ", ".join(f"{c} = {c} - make_interval(secs => {float(seconds)})" for c in columns)
            for table, columns in TIMES.items()
        ]
        with self.owner.begin() as connection:
            connection.exec_driver_sql(
                "; ".join(
                    [
                        "ALTER TABLE attempt DISABLE TRIGGER attempt_is_frozen",
                        *moved,
                        "ALTER TABLE attempt ENABLE TRIGGER attempt_is_frozen",
                    ]
                )
            )

    def look_up(self, times: int = 1) -> None:
        """Make so many look-ups, each as soon as it is due."""
        for _ in range(times):
            self.pass_time(self.timing.lookup_every_s)
            self.lookup.look_up()

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            return list(run(connection, sql, **values))

    def flags(self) -> list[str]:
        return [row.kind for row in self.rows("SELECT kind FROM flag ORDER BY flag_id")]

    def alive(self) -> list[Line]:
        return [
            line
            for line in self.provider.books.values()
            if line["status"] not in ("failed", "canceled", "reversed")
        ]

    def published(self, kind: str) -> list[dict[str, Any]]:
        rows = self.rows(
            "SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind
        )
        return [json.loads(row.body) for row in rows]


class ManualDispatcher(BareDispatcher):
    """One batch of payments whose accounts exist already; `more` is as for `announce`."""

    def __init__(
        self,
        engine: Engine,
        owner: Engine,
        count: int = 1,
        timing: Timing | None = None,
        provider: MemoryProvider | None = None,
        batch_id: UUID | None = None,
        **more: Any,
    ) -> None:
        super().__init__(engine, owner, timing, provider)
        self.batch_id = batch_id or uuid4()
        self.announce(self.batch_id, count, **more)

    def announce(self, batch_id: UUID, count: int, **more: Any) -> None:
        """Announce a batch as ingest does, with its accounts created, ready to be paid."""
        announce_batch(self.engine, batch_id, count, **more)
        with self.engine.begin() as connection:
            merchants.upsert_merchant(connection, INSTITUTION, "mch_1", "")
            ensure_sources(connection, batch_id)
            ensure_people_and_loans(connection, batch_id, 2_000)
            run(
                connection,
                """
                UPDATE object
                SET status = 'pending', due_at = now(),
                    provider_id = 'at_' || left(CAST(object_id AS text), 13)""",
            )
        self.provisioner.link_payments()
        self.provisioner.start_batches()
        self.walker.walk()

    def order(self, act: BatchAct, person: str = "anna") -> str:
        with self.engine.begin() as connection:
            return commands.order_batch(connection, self.batch_id, act, Order(person, ""))

    @property
    def payment(self) -> Any:
        return self.rows("SELECT * FROM payment ORDER BY payment_id")[0]


def migrated_database(
    make_database: Callable[[str], tuple[str, str]],
) -> tuple[Engine, Engine]:
    """(the service's engine, the owner's) of a migrated dispatcher database."""
    url, owner_url = make_database("dispatcher")
    migrate.upgrade(owner_url, MIGRATIONS)
    engines = connect(url, "test", 4), connect(owner_url, "test-owner", 2)
    for engine in engines:
        event.listen(engine, "connect", skip_disk_sync)
    return engines


def skip_disk_sync(raw: Any, _: object) -> None:
    """No test here kills the server, so none waits for its disk."""
    with raw.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    raw.commit()
