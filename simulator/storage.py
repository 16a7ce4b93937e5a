"""The provider's durable books: one SQLite file, written in groups, committed before an answer that depends on it is sent."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.messages import Answer
from simulator.models import Event, Payment, Record, fields_of
from simulator.state import World

FORMAT = 1
LOCK_S = 1.0
GROUP_S = 0.001  # what is noted within this time is one transaction
TABLES = """
create table if not exists record (kind text, seq integer, body text, primary key (kind, seq)) without rowid;
-- Without indexes: each would cost a random page per write. Answers are found by a map in memory, events are read by people only.
create table if not exists event (seq integer primary key, id text, type text, resource_id text, created_ms integer, body text);
create table if not exists answer (place integer primary key, scope blob, digest blob, status integer, body blob);
create table if not exists drawn (scope blob primary key);
create table if not exists setting (name text primary key, value text);
"""


class BooksError(Exception):
    """The file cannot be used; the message is one sentence."""


class Books:
    """Writes what a world notes as changed, and the answers kept for idempotency keys.

    The journal is WAL without fsync: what is committed survives kill -9 of the process, not a power cut.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._answers: dict[bytes, tuple[bytes, int, bytes]] = {}
        self._places: dict[bytes, int] = {}
        self._drawn: set[bytes] = set()
        self._settings: dict[str, str] = {}
        self._flush: asyncio.Future[None] | None = None
        self.world = World("")
        self._before_write: Callable[[], None] = lambda: None
        self._on_events: Callable[[list[Event]], None] = lambda _: None
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_S)
            # Exclusive: a second simulator on the same books is refused instead of paying from another memory.
            self._connection.executescript(
                "pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=off; pragma wal_autocheckpoint=8000;"
            )
            version = self._connection.execute("pragma user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise BooksError(
                    f"The books {path} have format {version}, this program writes {FORMAT}: start with another file."
                )
            self._connection.executescript(
                f"begin immediate; {TABLES} pragma user_version={FORMAT}; commit;"
            )
        except sqlite3.Error as error:
            raise BooksError(f"The books {path} cannot be opened: {error}.") from None

    # Start

    def setting(self, name: str) -> Any:  # Any: settings are of every shape
        """A kept setting, None without one."""
        row = self._connection.execute(
            "select value from setting where name = ?", (name,)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def load(
        self,
        world: World,
        before_write: Callable[[], None],
        on_events: Callable[[list[Event]], None],
    ) -> None:
        """Fill an empty world with what was written, and write its changes from now on.

        `before_write` is called before each group, to note what shall be in it; `on_events` is given its events after the commit.
        """
        for shelf in world.shelves():
            for (body,) in self._connection.execute(
                "select body from record where kind = ? order by seq", (shelf.kind,)
            ):
                record = shelf.record_class(**json.loads(body))
                if isinstance(record, Payment):
                    record.plan = [(due, status) for due, status in record.plan]
                    world.schedule(record)
                shelf.add(record)
        self._places = dict(self._connection.execute("select scope, place from answer"))
        world.event_count = self._connection.execute(
            "select coalesce(max(seq), 0) from event"
        ).fetchone()[0]
        self.world, self._before_write, self._on_events = world, before_write, on_events

    # What is to be written with the next group

    def keep_answer(self, scope: bytes, digest: bytes, answer: Answer) -> None:
        """Keep the answer of an idempotency key for ever; `digest` is of the request's body."""
        self._places[scope] = len(self._places) + 1
        self._answers[scope] = (digest, answer.status, answer.body)

    def keep_drawn(self, scope: bytes) -> None:
        """Remember that a key has had its fault."""
        self._drawn.add(scope)

    def keep_setting(self, name: str, value: Any) -> None:  # Any: settings are of every shape
        """Keep a setting."""
        self._settings[name] = json.dumps(value)

    def answer(self, scope: bytes) -> tuple[bytes, Answer] | None:
        """(digest of the first body, answer) kept under a key, written or about to be."""
        if scope not in self._places:
            return None
        sought = (self._places[scope],)
        row = (
            self._answers.get(scope)
            or self._connection.execute(
                "select digest, status, body from answer where place = ?", sought
            ).fetchone()
        )
        return row[0], Answer(row[1], row[2])

    def is_drawn(self, scope: bytes) -> bool:
        """Whether a key has had its fault."""
        return (
            scope in self._drawn
            or self._connection.execute("select 1 from drawn where scope = ?", (scope,)).fetchone()
            is not None
        )

    # Writing

    async def committed(self) -> None:
        """Return once all that is noted by now is written; everything noted within GROUP_S is one transaction."""
        if self._flush is None:
            if not (
                self.world.dirty
                or self.world.events
                or self._answers
                or self._drawn
                or self._settings
            ):
                return
            loop = asyncio.get_running_loop()
            self._flush = loop.create_future()
            loop.call_later(GROUP_S, self._flush_now)
        await asyncio.shield(self._flush)

    def _flush_now(self) -> None:
        flush, self._flush = self._flush, None
        try:
            self.write()
        except sqlite3.Error as error:
            # Memory is ahead of the books now: nothing may be answered from it, not even an error. The next start reads the books.
            print(f"The books cannot be written: {error}.", file=sys.stderr, flush=True)  # noqa: T201 - the last words
            os._exit(1)
        if flush is not None:
            flush.set_result(None)

    def write(self) -> None:
        """Write all that is noted in one transaction, then hand its events on."""
        self._before_write()
        world, execute = self.world, self._connection.execute
        records = [(kind, record.seq, body(record)) for kind, record in world.dirty.values()]
        events, answers, drawn, settings = world.events, self._answers, self._drawn, self._settings
        world.dirty, world.events, self._answers, self._drawn, self._settings = (
            {},
            [],
            {},
            set(),
            {},
        )
        many = self._connection.executemany
        execute("begin")
        many("insert or replace into record values (?, ?, ?)", records)
        if events:
            many(
                "insert into event values (?, ?, ?, ?, ?, ?)",
                [(e.seq, e.id, e.type, e.resource_id, e.created_ms, body(e)) for e in events],
            )
        if answers:
            many(
                "insert into answer values (?, ?, ?, ?, ?)",
                [(self._places[scope], scope, *kept) for scope, kept in answers.items()],
            )
        if drawn:
            many("insert or ignore into drawn values (?)", [(scope,) for scope in drawn])
        many("insert or replace into setting values (?, ?)", list(settings.items()))
        execute("commit")
        if events:
            self._on_events(events)

    def close(self) -> None:
        """Write the rest and close the file."""
        self.write()
        self._connection.close()

    # Events, which live in the file only

    def event(self, event_id: str) -> Event | None:
        """One written event."""
        row = self._connection.execute(
            "select body from event where id = ?", (event_id,)
        ).fetchone()
        return None if row is None else Event(**json.loads(row[0]))

    def list_events(
        self,
        kind: str | None,
        resource_id: str | None,
        from_ms: int,
        to_ms: int,
        limit: int,
        offset: int,
    ) -> list[Event]:
        """Written events, newest first."""
        rows = self._connection.execute(
            "select body from event where (?1 is null or type = ?1) and (?2 is null or resource_id = ?2) and created_ms between ?3 and ?4"
            " order by seq desc limit ?5 offset ?6",
            (kind, resource_id, from_ms, to_ms, limit, offset),
        )
        return [Event(**json.loads(text)) for (text,) in rows]


ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
NAMES: dict[type[Record], tuple[str, ...]] = {}


def body(record: Record) -> str:
    """A record as JSON, by field name."""
    kind = type(record)
    names = NAMES.get(kind)
    if names is None:
        names = NAMES[kind] = fields_of(kind)
    return ENCODER.encode({name: getattr(record, name) for name in names})
