"""The provider's durable storage: one SQLite file, written in groups.

What an answer depends on is committed before the answer is sent.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.messages import Answer
from simulator.models import Event, Payment, Record, stored_fields
from simulator.state import ProviderState

FORMAT = 2
#: From each older format to the next one.
UPGRADES = {1: "ALTER TABLE answer ADD COLUMN stored_ms integer;"}
LOCK_S = 1.0
DAY_MS = 86_400_000
GROUP_S = 0.001  # changes within this time are one transaction
# Exclusive: a second simulator on the same file is refused. It would pay from a memory of its own.
PRAGMAS = """
PRAGMA locking_mode = exclusive;
PRAGMA journal_mode = wal;
PRAGMA synchronous = off;
PRAGMA wal_autocheckpoint = 8000;
"""
# Without further indexes: each would cost a random page per write. Answers are found by a map in
# memory, and only people read events.
TABLES = """
CREATE TABLE IF NOT EXISTS record (
    kind text, seq integer,
    body text,
    PRIMARY KEY (kind, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    seq integer PRIMARY KEY,
    id text, type text, resource_id text, created_ms integer,
    body text
);
CREATE TABLE IF NOT EXISTS answer (
    place integer PRIMARY KEY,
    scope blob, digest blob,
    status integer, body blob,
    stored_ms integer
);
CREATE TABLE IF NOT EXISTS drawn (scope blob PRIMARY KEY);
CREATE TABLE IF NOT EXISTS setting (name text PRIMARY KEY, value text);
"""


class StorageError(Exception):
    """The file cannot be used; the message is one sentence."""


class Storage:
    """Writes the changed records of a state, and the answers stored for idempotency keys.

    An answer is forgotten `retention_ms` after it was stored, by the simulated clock.
    The journal is WAL without fsync: what is committed survives `kill -9` of the process, but not
    a power cut.
    """

    def __init__(self, path: Path, retention_ms: int = DAY_MS) -> None:
        """Open the file, or make it; a file of an older format is upgraded.

        Raises:
            StorageError: it cannot be opened, is in use, or has another format.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.retention_ms = retention_ms
        self._answers: dict[bytes, tuple[bytes, int, bytes, int]] = {}
        self._places: dict[bytes, tuple[int, int]] = {}  # (place, when stored)
        self._drawn: set[bytes] = set()
        self._settings: dict[str, str] = {}
        self._flush: asyncio.Future[None] | None = None
        self.state = ProviderState("")
        self._before_write: Callable[[], None] = lambda: None
        self._on_events: Callable[[list[Event]], None] = lambda _: None
        try:
            # It holds names and account numbers in clear. SQLite gives its other files this mode.
            path.touch(mode=0o600)
            path.chmod(0o600)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_S)
            self._connection.executescript(PRAGMAS)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, *UPGRADES, FORMAT):
                raise StorageError(
                    f"The file {path} has format {version}, this program writes {FORMAT}: "
                    "start with another file."
                )
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {TABLES} {UPGRADES.get(version, '')} "
                f"PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"The file {path} cannot be opened: {error}.") from None

    # Start

    def find_setting(self, name: str) -> Any:  # Any: settings are of every shape
        """A stored setting; None if there is none."""
        row = self._connection.execute(
            "SELECT value FROM setting WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def load(
        self,
        state: ProviderState,
        before_write: Callable[[], None],
        on_events: Callable[[list[Event]], None],
        now_ms: int,
    ) -> None:
        """Fill an empty state with what was written, and write its changes from now on.

        Args:
            state: empty.
            now_ms: simulated time; answers of which no time is known count as stored now.
            before_write: called before each group, to add what belongs in it.
            on_events: called with the events of each group, after its commit.
        """
        for table in state.tables():
            for (text,) in self._connection.execute(
                "SELECT body FROM record WHERE kind = ? ORDER BY seq", (table.kind,)
            ):
                record = table.record_class(**json.loads(text))
                if isinstance(record, Payment):
                    record.plan = [(due, status) for due, status in record.plan]
                    state.schedule(record)
                table.add(record)
        self._connection.execute(
            "UPDATE answer SET stored_ms = ? WHERE stored_ms IS NULL", (now_ms,)
        )
        self._places = {
            scope: (place, stored_ms)
            for scope, place, stored_ms in self._connection.execute(
                "SELECT scope, place, stored_ms FROM answer"
            )
        }
        state.event_count = self._connection.execute(
            "SELECT coalesce(max(seq), 0) FROM event"
        ).fetchone()[0]
        self.state, self._before_write, self._on_events = state, before_write, on_events

    # What the next group contains

    def store_answer(self, scope: bytes, digest: bytes, answer: Answer, now_ms: int) -> None:
        """Store the answer of an idempotency key; `digest` is of the request's body.

        It takes the place of one that was forgotten.
        """
        place = self._places[scope][0] if scope in self._places else len(self._places) + 1
        self._places[scope] = (place, now_ms)
        self._answers[scope] = (digest, answer.status, answer.body, now_ms)

    def mark_drawn(self, scope: bytes) -> None:
        """Store that a fault was drawn for an idempotency key."""
        self._drawn.add(scope)

    def store_setting(self, name: str, value: Any) -> None:  # Any: settings are of every shape
        """Store a setting; a second one of the name replaces it."""
        self._settings[name] = json.dumps(value)

    def find_answer(self, scope: bytes, now_ms: int) -> tuple[bytes, Answer] | None:
        """(digest of the first body, answer) of an idempotency key, committed or not yet.

        None for a new key, and for one whose answer is forgotten by now.
        """
        place, stored_ms = self._places.get(scope, (0, 0))
        if not place or now_ms - stored_ms >= self.retention_ms:
            return None
        row = (
            self._answers.get(scope)
            or self._connection.execute(
                "SELECT digest, status, body FROM answer WHERE place = ?", (place,)
            ).fetchone()
        )
        return row[0], Answer(row[1], row[2])

    def is_drawn(self, scope: bytes) -> bool:
        """Whether a fault was drawn for an idempotency key."""
        if scope in self._drawn:
            return True
        row = self._connection.execute("SELECT 1 FROM drawn WHERE scope = ?", (scope,)).fetchone()
        return row is not None

    # Writing

    async def committed(self) -> None:
        """Return when everything that has changed by now is committed.

        Everything that changes within GROUP_S is one transaction.
        """
        if self._flush is None:
            if not self._has_changes():
                return
            loop = asyncio.get_running_loop()
            self._flush = loop.create_future()
            loop.call_later(GROUP_S, self._flush_now)
        await asyncio.shield(self._flush)

    def _has_changes(self) -> bool:
        state = self.state
        return bool(state.dirty or state.events or self._answers or self._drawn or self._settings)

    def _flush_now(self) -> None:
        flush, self._flush = self._flush, None
        try:
            self.write()
        except sqlite3.Error as error:
            # Memory is ahead of the file now. Nothing may be answered from it, not even an error.
            # The next start reads the file.
            message = f"The file cannot be written: {error}."
            print(message, file=sys.stderr, flush=True)  # noqa: T201 - the process ends
            os._exit(1)
        if flush is not None:
            flush.set_result(None)

    def write(self) -> None:
        """Commit all changes in one transaction, then pass its events on."""
        self._before_write()
        state, many = self.state, self._connection.executemany
        records = [(kind, record.seq, to_json(record)) for kind, record in state.dirty.values()]
        events, answers = state.events, self._answers
        drawn, settings = self._drawn, self._settings
        state.dirty, state.events = {}, []
        self._answers, self._drawn, self._settings = {}, set(), {}
        self._connection.execute("BEGIN")
        many("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", records)
        many(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            [(e.seq, e.id, e.type, e.resource_id, e.created_ms, to_json(e)) for e in events],
        )
        many(
            "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)",
            [(self._places[scope][0], scope, *answer) for scope, answer in answers.items()],
        )
        many("INSERT OR IGNORE INTO drawn VALUES (?)", [(scope,) for scope in drawn])
        many("INSERT OR REPLACE INTO setting VALUES (?, ?)", list(settings.items()))
        self._connection.execute("COMMIT")
        if events:
            self._on_events(events)

    def close(self) -> None:
        """Write the rest and close the file."""
        self.write()
        self._connection.close()

    # Events, which are in the file only

    def find_event(self, event_id: str) -> Event | None:
        """One written event."""
        row = self._connection.execute(
            "SELECT body FROM event WHERE id = ?", (event_id,)
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
            """
            SELECT body
            FROM event
            WHERE (?1 IS NULL OR type = ?1)
                AND (?2 IS NULL OR resource_id = ?2)
                AND created_ms BETWEEN ?3 AND ?4
            ORDER BY seq DESC
            LIMIT ?5 OFFSET ?6""",
            (kind, resource_id, from_ms, to_ms, limit, offset),
        )
        return [Event(**json.loads(text)) for (text,) in rows]


ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
FIELDS: dict[type[Record], tuple[str, ...]] = {}


def to_json(record: Record) -> str:
    """A record's stored fields as JSON, by field name."""
    kind = type(record)
    names = FIELDS.get(kind)
    if names is None:
        names = FIELDS[kind] = stored_fields(kind)
    return ENCODER.encode({name: getattr(record, name) for name in names})
