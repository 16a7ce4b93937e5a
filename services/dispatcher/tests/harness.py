"""A dispatcher moved by hand, with its production waits: no threads, a provider in memory, and time that passes when the test says so."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Stop
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, event

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.preparation.provisioning import (
    Provisioner,
    ensure_people_and_loans,
    ensure_sources,
)
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Page, Provider, Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending.payments import PaymentWork
from services.dispatcher.sending.worker import Call
from services.dispatcher.tests.factories import INSTITUTION
from services.dispatcher.tests.factories import batch as announce
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.statements import Statements

Line = dict[str, Any]
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
)
TIMES = {
    "payment": ("due_at", "lease_until", "poll_due_at", "paid_at"),
    "attempt": ("first_sent_at", "last_sent_at"),
    "status_change": ("at",),
    "batch": ("statement_begun_at",),
    "limiter": ("free_at", "closed_until"),
}


class Memory(Provider):
    """A provider in memory: the first answer to a key is stored and replayed, `script` decides what the next calls meet."""

    def __post_init__(self) -> None:
        self.books: dict[str, Line] = {}
        self.stored: dict[str, Answer] = {}
        self.script: list[Callable[[dict[str, Any]], Answer]] = []
        self.calls: list[tuple[str, str, str]] = []
        self.counted, self.away = True, False
        self.asked: list[dict[str, str]] = []
        self.last_date = datetime.now(UTC)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        idempotency_key: str = "",
        params: Any = None,
    ) -> tuple[Answer, Any]:
        self.calls.append((method, path, idempotency_key))
        if method == "POST":
            return self._create(json.loads(content or b"{}"), idempotency_key), None
        line = self.books.get(path.removeprefix("/payments/"))
        if line is None:
            return Answer(404, None, "NOT_FOUND"), None
        if method == "DELETE":
            if line["status"] != "pending":
                return Answer(400, None, "INVALID_STATUS"), None
            line["status"] = "canceled"
        return Answer(200, dict(line), request_id="req"), None

    def _create(self, body: dict[str, Any], key: str) -> Answer:
        if key not in self.stored:
            self.stored[key] = self.script.pop(0)(body) if self.script else self.accept(body)
            answer = self.stored[key]
            if answer.status is None or answer.status == 429:
                del self.stored[key]
            return answer
        return Answer(**{**self.stored[key].__dict__, "replayed": True})

    def accept(self, body: dict[str, Any], status: str = "pending") -> Answer:
        """Carry a request out; the newest is the first of a list."""
        line = {
            **body,
            "id": f"pmt_{len(self.books):06d}",
            "status": status,
            "created_at": datetime.now(UTC).isoformat(),
        }
        self.books = {line["id"]: line, **self.books}
        return Answer(200, dict(line), request_id="req")

    def list(self, path: str, params: Any) -> Page:
        self.asked.append(dict(params))
        if path != "/payments":
            return Page([], "", 0, "req", None)
        lines = [
            dict(line)
            for line in self.books.values()
            if all(
                line.get(side) == params[side]
                for side in ("source", "destination")
                if side in params
            )
        ]
        if self.away:
            raise Unreachable(Answer(None))
        return Page(lines, "", len(lines) if self.counted else -1, "req", None)


def lost(_: dict[str, Any]) -> Answer:
    """The request never arrived."""
    return Answer(None)


def refusing(status: int, sub_type: str = "") -> Callable[[dict[str, Any]], Answer]:
    """An answer with that status; nothing was done."""
    return lambda _: Answer(status, None, sub_type)


class Desk:
    """One batch of payments whose accounts exist already."""

    def __init__(
        self,
        engine: Engine,
        owner: Engine,
        count: int = 1,
        timing: Timing | None = None,
        provider: Memory | None = None,
        batch_id: UUID | None = None,
    ) -> None:
        self.engine, self.owner, self.timing = engine, owner, timing or Timing()
        self.provider = provider or Memory("memory:", "sk", "2025-07-04", 1.0)
        self.batch_id = batch_id or uuid4()
        with owner.begin() as connection:
            run(connection, f"TRUNCATE {', '.join(TABLES)}")
            run(connection, "UPDATE kill_switch SET engaged = false")
        rate_limiter.configure(engine, rate_limiter.PROFILES["demo"])
        reader = Reader(engine, self.provider, Stop(), lambda: None)
        self.preparer, self.follower = (
            Provisioner(engine, reader),
            StatusPoller(engine, reader, self.timing),
        )
        self.statements, self.work = (
            Statements(engine, reader, self.timing),
            PaymentWork(self.timing, lambda: self.provider.last_date),
        )
        self.announce(self.batch_id, count)

    def announce(self, batch_id: UUID, count: int, **more: Any) -> None:
        """A batch as ingest announces it, with its accounts made at the provider, ready to be paid."""
        announce(self, batch_id, count, **more)  # type: ignore[arg-type]  # it needs an engine only
        with self.engine.begin() as connection:
            run(
                connection,
                "INSERT INTO merchant (institution_id, merchant_id) VALUES (:i, 'mch_1') ON CONFLICT DO NOTHING",
                i=INSTITUTION,
            )
            ensure_sources(connection, batch_id)
            ensure_people_and_loans(connection, batch_id)
            run(
                connection,
                "UPDATE object SET status = 'pending', provider_id = 'at_' || left(CAST(object_id AS text), 13), due_at = now()",
            )
        self.preparer.link()
        self.preparer.start()

    def claim(self, limit: int = 4) -> list[Call]:
        with self.engine.begin() as connection:
            return list(self.work.claim(connection, limit))

    def settle(self, answers: list[tuple[Call, Answer]]) -> None:
        with self.engine.begin() as connection:
            self.work.settle(connection, answers)

    def turn(self, limit: int = 4) -> int:
        """Claim, call, settle; how many calls."""
        calls = self.claim(limit)
        self.settle(
            [
                (
                    call,
                    self.provider.send(
                        "POST", call.path, call.body.encode(), str(call.idempotency_key)
                    )[0],
                )
                for call in calls
            ]
        )
        return len(calls)

    def later(self, seconds: float) -> None:
        """Let time pass: everything that is dated becomes so much older."""
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
        self.work.tried_at -= seconds
        self.statements.searched_at -= seconds

    def look(self, times: int = 1) -> None:
        """So many looks, each as soon as it is due."""
        for _ in range(times):
            self.later(self.timing.lookup_every_s)
            self.follower.look_up()

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            return list(run(connection, sql, **values))

    @property
    def payment(self) -> Any:
        return self.rows("SELECT * FROM payment ORDER BY payment_id")[0]

    def flags(self) -> list[str]:
        return [row.kind for row in self.rows("SELECT kind FROM flag ORDER BY flag_id")]

    def alive(self) -> list[Line]:
        return [
            line
            for line in self.provider.books.values()
            if line["status"] not in ("failed", "canceled", "reversed")
        ]

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [
            json.loads(r.body)
            for r in self.rows(
                "SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind
            )
        ]


def database(make_database: Callable[[str], tuple[str, str]]) -> tuple[Engine, Engine]:
    """(the service's engine, the owner's) of a migrated dispatcher database."""
    url, owner_url = make_database("dispatcher")
    migrate.upgrade(owner_url, Path("services/dispatcher/migrations"))
    made = connect(url, "test", 4), connect(owner_url, "test-owner", 2)
    for engine in made:
        event.listen(engine, "connect", hurried)
    return made


def hurried(raw: Any, _: object) -> None:
    """No test here kills the server, so none waits for its disk."""
    with raw.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    raw.commit()
