"""A floor: COPY of the rows of a table into one bare table, which has neither index nor trigger."""

import tempfile
import time
from typing import IO, Any

from sqlalchemy import Engine

from devtools.bench.counts import require_equal
from libs.common.database.engine import run


def copy_again_s(owner: Engine, table: str) -> float:
    """Seconds that COPY and commit of all rows of a table take, from text that is ready.

    Raises:
        CommandError: the bare table has not as many rows.
    """
    with tempfile.TemporaryFile() as file:
        _copy(owner, f"COPY {table} TO STDOUT", file)
        with owner.begin() as connection:
            run(connection, f"DROP TABLE IF EXISTS bare_{table}")
            run(connection, f"CREATE TABLE bare_{table} (LIKE {table})")
        file.seek(0)
        began = time.monotonic()
        _copy(owner, f"COPY bare_{table} FROM STDIN", file)
        seconds = time.monotonic() - began
    require_equal(f"rows of {table} copied", count(owner, f"bare_{table}"), count(owner, table))
    return seconds


def copy_out_s(engine: Engine, query: str) -> float:
    """Seconds of `COPY (query) TO STDOUT` into a file."""
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        _copy(engine, f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)", file)
        return time.monotonic() - began


def count(engine: Engine, table: str) -> int:
    """The rows of a table."""
    with engine.connect() as connection:
        return int(run(connection, f"SELECT count(*) FROM {table}").scalar())  # noqa: S608 - ours


def _copy(engine: Engine, statement: str, file: IO[bytes]) -> None:
    with engine.begin() as connection:
        raw: Any = connection.connection.driver_connection  # psycopg2's: SQLAlchemy has no COPY
        with raw.cursor() as cursor:
            cursor.copy_expert(statement, file)
