"""What PostgreSQL counts of a database's tables: rows fetched, inserted and updated."""

import time
from collections import Counter

from sqlalchemy import Engine

from libs.common.database.engine import run

EXIT_S = 10.0  # a server process counts for the tables only when it ends
COLUMNS = {
    "fetched": "seq_tup_read + coalesce(idx_tup_fetch, 0)",
    "inserted": "n_tup_ins",
    "updated": "n_tup_upd",
    "deleted": "n_tup_del",
}


def stop_autovacuum(owner: Engine) -> None:
    """Have nobody read the tables but the test, and no plan change in the middle of it."""
    with owner.begin() as connection:
        for table in run(connection, "SELECT relname FROM pg_stat_user_tables").scalars().all():
            run(connection, f'ALTER TABLE "{table}" SET (autovacuum_enabled = off)')


def read_by_keys(owner: Engine) -> None:
    """Have connections made from now on read tables by their indexes.

    A small table is read whole or by key, as its pages happen to be filled, which is chance.
    """
    with owner.begin() as connection:
        run(connection, f'ALTER DATABASE "{owner.url.database}" SET enable_seqscan = off')


def read(engine: Engine, owner: Engine) -> Counter[tuple[str, str]]:
    """The counters by (table, name). The engine's connections are closed before."""
    engine.dispose()
    until = time.monotonic() + EXIT_S
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        role = engine.url.username
        while run(
            connection,
            """
            SELECT 1
            FROM pg_stat_activity
            WHERE usename = :role AND datname = current_database()""",
            role=role,
        ).first():
            assert time.monotonic() < until, "a connection does not end"
            time.sleep(0.02)
        run(connection, "SELECT pg_stat_force_next_flush()")
        columns = ", ".join(f'{sql} AS "{name}"' for name, sql in COLUMNS.items())
        rows = run(
            connection,
            f"SELECT relname, {columns} FROM pg_stat_user_tables",  # noqa: S608 - our own text
        ).mappings()
        return Counter({(row["relname"], name): int(row[name]) for row in rows for name in COLUMNS})
