"""What a stack has used up to now: CPU of each process, work of each database, messages, calls."""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, create_engine, make_url, text

from devtools.stack.stack import Stack
from services import catalog

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
#: The counters of pg_stat_database, by the names they are printed under.
OF_A_DATABASE = {
    "commits": "xact_commit",
    "rows fetched": "tup_fetched",
    "rows returned": "tup_returned",
    "inserts": "tup_inserted",
    "updates": "tup_updated",
}
MODULE = "pg_stat_statements"  # counts statements, if the server has it
STATEMENTS = """
    SELECT query, sum(calls) AS calls, sum(total_exec_time) AS ms
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY query"""
STAGES = """
    SELECT extract(epoch FROM min(a.first_sent_at) - min(p.approved_at)) AS "first sent",
           extract(epoch FROM max(a.first_sent_at) - min(p.approved_at)) AS "last sent",
           extract(epoch FROM max(p.paid_at) - min(p.approved_at)) AS "last paid",
           extract(epoch FROM max(s.at) - min(p.approved_at)) AS "last statement"
    FROM payment p
    JOIN attempt a ON a.subject_id = p.payment_id
    CROSS JOIN LATERAL (
        SELECT max(created_at) AS at
        FROM outbox
        WHERE topic = 'provider-statements' AND correlation = CAST(:batch_id AS text)
    ) s
    WHERE p.batch_id = CAST(:batch_id AS uuid)"""
Counts = dict[str, float]


@dataclass
class Usage:
    """Counters since the beginning, or between two samples (`since`).

    `cpu_s` is by process; a database's server processes are `<service> database`. `databases` is
    by service, `tables` counts updates and HOT updates by `<service>.<table>`.
    """

    cpu_s: Counts = field(default_factory=dict)
    databases: dict[str, Counts] = field(default_factory=dict)
    tables: dict[str, Counts] = field(default_factory=dict)
    statements: dict[str, Counts] = field(default_factory=dict)
    messages: Counts = field(default_factory=dict)
    calls: Counts = field(default_factory=dict)
    stages: Counts = field(default_factory=dict)

    def since(self, earlier: "Usage") -> "Usage":
        """The usage between an earlier sample and this one."""
        return Usage(
            _difference(self.cpu_s, earlier.cpu_s),
            _differences(self.databases, earlier.databases),
            _differences(self.tables, earlier.tables),
            _differences(self.statements, earlier.statements),
            _difference(self.messages, earlier.messages),
            _difference(self.calls, earlier.calls),
        )


def sample(stack: Stack) -> Usage:
    """Read every counter of a running stack."""
    usage = Usage(cpu_of(stack, processes(stack)))
    for name in catalog.NAMES:
        engine = create_engine(
            make_url(stack.admin_url()).set(database=f"{stack.prefix}_{name}"), pool_size=1
        )
        _read_database(engine, name, usage)
        engine.dispose()
    books = httpx.get(f"{stack.ports.url('simulator')}/_simulator/books", timeout=30).json()
    usage.calls = {name: float(count) for name, count in books["calls"].items()}
    return usage


def stages(stack: Stack, batch_id: str) -> Counts:
    """When a batch's objects, payments and statuses were there, in seconds after its approval."""
    engine = create_engine(make_url(stack.admin_url()).set(database=f"{stack.prefix}_dispatcher"))
    with engine.connect() as connection:
        found = connection.execute(text(STAGES), {"batch_id": batch_id}).mappings().one()
    engine.dispose()
    return {name: float(seconds) for name, seconds in found.items() if seconds is not None}


def processes(stack: Stack) -> dict[str, int]:
    """The pid of each process that runs; asks each service whether it is ready."""
    return {one.name: one.pid for one in stack.status() if one.pid}


def cpu_of(stack: Stack, pids: Mapping[str, int]) -> Counts:
    """CPU seconds of these processes, and of the server processes of PostgreSQL among them."""
    found = {name: cpu_s(pid) for name, pid in pids.items() if name != "postgres"}
    return found | _databases_cpu_s(pids["postgres"], stack.prefix) if "postgres" in pids else found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended; 0 if it is gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(fields[n]) for n in (11, 12, 13, 14)) / TICKS_A_SECOND
    return 0.0


def _databases_cpu_s(server: int, prefix: str) -> Counts:
    """CPU seconds of the server processes of each database, and of PostgreSQL's own."""
    found: Counts = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == server:
                title = (folder / "cmdline").read_bytes().decode(errors="replace")
                service = next((name for name in catalog.NAMES if f"{prefix}_{name} " in title), "")
                name = f"{service} database" if service else "postgres itself"
                found[name] = found.get(name, 0.0) + cpu_s(int(folder.name))
    return found


def _read_database(engine: Engine, service: str, usage: Usage) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        def rows(sql: str) -> Any:
            return connection.execute(text(sql)).mappings().all()

        columns = ", ".join(f'{column} AS "{name}"' for name, column in OF_A_DATABASE.items())
        (found,) = rows(
            f"SELECT {columns} FROM pg_stat_database WHERE datname = current_database()"  # noqa: S608 - our own names
        )
        usage.databases[service] = {name: float(count) for name, count in found.items()}
        for row in rows("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"):
            usage.tables[f"{service}.{row['relname']}"] = {
                "updates": float(row["n_tup_upd"]),
                "HOT": float(row["n_tup_hot_upd"]),
            }
        if rows("SHOW shared_preload_libraries")[0]["shared_preload_libraries"] == MODULE:
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {MODULE}"))
            for row in rows(STATEMENTS):
                key = f"{service}: {shorten(row['query'])}"
                counts = usage.statements.setdefault(key, {"calls": 0.0, "ms": 0.0})
                counts["calls"] += float(row["calls"])
                counts["ms"] += float(row["ms"])
        if rows("SELECT 1 FROM pg_tables WHERE tablename = 'outbox'"):
            for row in rows("SELECT topic, count(*) AS n FROM outbox GROUP BY topic"):
                usage.messages[f"{service} → {row['topic']}"] = float(row["n"])


def shorten(statement: str) -> str:
    """A statement in one line, the same for arrays of every length."""
    return re.sub(r"ARRAY\[[^]]*\]", "ARRAY[…]", " ".join(statement.split()))


def _difference(new: Counts, old: Counts) -> Counts:
    return {name: count - old.get(name, 0.0) for name, count in new.items()}


def _differences(new: dict[str, Counts], old: dict[str, Counts]) -> dict[str, Counts]:
    return {name: _difference(counts, old.get(name, {})) for name, counts in new.items()}
