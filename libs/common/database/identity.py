"""Detect that the database behind a connection pool was replaced, for example by a restore.

Whoever replaces a database ends its connections. So each new connection is checked before it is
used: if its database does not continue the one before, the process ends, starts again and compares
its database with Kafka as at every start. A database that is replaced in place under open
connections (`pg_restore --clean`, a pooler in between) is found by checking again: every few
seconds, and before each payment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

from libs.common.database.engine import run
from libs.common.observability.process_end import end_process

#: No row on a standby. The columns are the fields of DatabaseIdentity.
IDENTITY_QUERY = """
    SELECT s.system_identifier || '/' || d.oid AS database_id,
           left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline,
           coalesce(CAST(CAST(to_regclass('public.alembic_version') AS oid) AS text), '')
               AS version_table,
           coalesce((
               SELECT last_value
               FROM pg_sequences
               WHERE (schemaname, sequencename) = ('public', 'outbox_id_seq')
           ), 0) AS outbox_id,
           CAST(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') AS bigint) AS wal_bytes
    FROM pg_control_system() s
    JOIN pg_database d ON d.datname = current_database()
    WHERE NOT pg_is_in_recovery()"""


@dataclass(frozen=True)
class DatabaseIdentity:
    """What identifies a database, and how far it has come.

    Args:
        database_id: number of the cluster and of the database in it.
        timeline: the cluster's timeline; a restore or a promotion begins a new one.
        version_table: number of the table `alembic_version`; "" before it is created.
        outbox_id: the last id given to an outbox row; 0 without an outbox.
        wal_bytes: length of the write-ahead log that is on disk.
    """

    database_id: str
    timeline: str
    version_table: str
    outbox_id: int
    wal_bytes: int


def difference(before: DatabaseIdentity, now: DatabaseIdentity) -> str:
    """Why `now` cannot be a later state of the database `before`; "" if it can."""
    if before.database_id != now.database_id:
        return "it is another database under the same name"
    if before.timeline != now.timeline:
        return "its cluster has begun another timeline"
    if before.version_table not in ("", now.version_table):
        return "its tables are not those that were there"
    if before.outbox_id > now.outbox_id:
        return "it has forgotten messages that it had written"
    if before.wal_bytes > now.wal_bytes:  # what is on disk survives every crash
        return "its log is shorter than it was"
    return ""


def _end_process(why: str) -> None:
    end_process("database_was_replaced", outcome=why)


class DatabaseIdentityGuard:
    """Checks each new connection of an engine; calls `on_replaced(why)` on another database."""

    def __init__(self, engine: Engine, on_replaced: Callable[[str], None] = _end_process) -> None:
        self.on_replaced = on_replaced
        self.known: DatabaseIdentity | None = None
        self._latest: DatabaseIdentity | None = None
        event.listen(engine, "connect", self._check_new)

    def check(self, connection: Connection) -> DatabaseIdentity | None:
        """Check a connection that is in use; the database's identity, None on a standby."""
        return self._compare(self.known, run(connection, IDENTITY_QUERY).first())

    def check_and_advance(self, connection: Connection) -> None:
        """Check, and expect from now on what was found one call before.

        By then that state has long been on disk, so a crash of the server does not undo it.
        """
        now = self.check(connection)
        self.known, self._latest = self._latest or self.known, now

    def _check_new(self, raw: Any, _record: object) -> None:  # raw: psycopg2's own connection
        before = self.known  # read before the query: another thread may advance it meanwhile
        with raw.cursor() as cursor:
            cursor.execute(IDENTITY_QUERY)
            row = cursor.fetchone()
        raw.rollback()
        now = self._compare(before, row)
        self.known = self.known or now

    def _compare(self, before: DatabaseIdentity | None, row: Any) -> DatabaseIdentity | None:
        if row is None:  # a standby refuses every write, so nothing can go wrong on it
            return None
        now = DatabaseIdentity(*row)
        if before is not None and (why := difference(before, now)):
            self.on_replaced(why)
        return now
