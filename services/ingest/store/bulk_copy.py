"""Write many rows by COPY, which is ten times as fast as INSERT."""

import io
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

# Values are joined by characters that XML cannot contain, escaped as a whole, and only then
# separated: ten times as fast as escaping value by value.
_BLOCK_BYTES: Final = 1 << 16
_CELL, _LINE = "\x1f", "\x1e"
_ESCAPES: Final = (
    ("\\", "\\\\"),
    ("\t", "\\t"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    (_CELL, "\t"),
    (_LINE, "\n"),
)


def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], records: Iterable[NamedTuple]
) -> None:
    """Insert records into these columns of a table. No record has a NULL."""
    lines = "".join([_CELL.join(map(str, record)) + _LINE for record in records])
    for old, new in _ESCAPES:
        lines = lines.replace(old, new)
    if not lines:
        return
    raw: Any = connection.connection.driver_connection  # psycopg2's: SQLAlchemy offers no COPY
    with raw.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table} ({', '.join(columns)}) FROM STDIN",
            io.BytesIO(lines.encode()),
            _BLOCK_BYTES,
        )
