"""A database that is replaced under a running process (restored, a standby promoted): noticed before a word is said on it.

Whoever replaces a database ends its connections. So each new connection is asked which database this is, before it is used; if it is not
the one of the connections before, the process ends, begins again, and looks at it as at every start. One that is replaced in place, under
open connections (`pg_restore --clean`, a pooler in between), is noticed by who asks again: every few seconds, and before each payment.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

from libs.common.database.engine import run
from libs.common.observability.logs import log

IDENTITY_QUERY = """
    SELECT s.system_identifier || '/' || d.oid AS number, left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline,
           coalesce(CAST(CAST(to_regclass('public.alembic_version') AS oid) AS text), '') AS tables,
           coalesce((SELECT last_value FROM pg_sequences WHERE (schemaname, sequencename) = ('public', 'outbox_id_seq')), 0) AS said,
           CAST(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') AS bigint) AS flushed
    FROM pg_control_system() s JOIN pg_database d ON d.datname = current_database() WHERE NOT pg_is_in_recovery()"""


@dataclass(frozen=True)
class DatabaseIdentity:
    """One state of a database: its number, its cluster's timeline, the number of a table that is made first ("" before), how many rows its outbox
    has numbered (0 without one), the log's length in bytes."""

    number: str
    timeline: str
    tables: str
    said: int
    flushed: int


def difference(before: DatabaseIdentity, now: DatabaseIdentity) -> str:
    """What shows that `now` does not follow `before`, in words; "" if nothing does."""
    if before.number != now.number:
        return "it is another database under the same name"
    if before.timeline != now.timeline:
        return "its cluster has begun another timeline"
    if before.tables not in ("", now.tables):
        return "its tables are not those that were there"
    if before.said > now.said:
        return "it has forgotten messages that it had written"
    if before.flushed > now.flushed:  # what was flushed survives every crash
        return "its log is shorter than it was"
    return ""


def end_process(why: str) -> None:
    """End the process; whoever keeps it starts it again."""
    log.critical("database_was_replaced", outcome=why)
    sys.stdout.flush()
    os._exit(70)


class DatabaseIdentityGuard:
    """An engine whose database is known again on each new connection; `other(why)` is called if it is another one."""

    def __init__(self, engine: Engine, other: Callable[[str], None] = end_process) -> None:
        self.other = other
        self.seen: DatabaseIdentity | None = None
        self._coming: DatabaseIdentity | None = None
        event.listen(engine, "connect", self._connected)

    def look(self, connection: Connection) -> DatabaseIdentity | None:
        """Ask a connection that is in use; what it said, None on a standby."""
        return self._compared(self.seen, run(connection, IDENTITY_QUERY).first())

    def go_on(self, connection: Connection) -> None:
        """Look, and expect of the next state that it follows what was there one call before: that has long been flushed, a crash cannot take it back."""
        now = self.look(connection)
        self.seen, self._coming = self._coming or self.seen, now

    def _connected(self, raw: Any, _record: object) -> None:
        before = (
            self.seen
        )  # from before it is asked: another thread may know a later state meanwhile
        with raw.cursor() as cursor:
            cursor.execute(IDENTITY_QUERY)
            row = cursor.fetchone()
        raw.rollback()
        now = self._compared(before, row)
        self.seen = self.seen or now

    def _compared(self, before: DatabaseIdentity | None, row: Any) -> DatabaseIdentity | None:
        if row is None:  # a standby, on which nothing can be said
            return None
        now = DatabaseIdentity(*row)
        if before is not None and (why := difference(before, now)):
            self.other(why)
        return now
