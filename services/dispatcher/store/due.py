"""When a stored time has come, also after the database's clock was set back."""

from sqlalchemy import Connection

from libs.common.database.engine import run

#: Longer than any wait of a payment or object that is not read again (seconds).
LONGEST_WAIT_S = 7_200
#: Longer than the longest time between two readings (seconds).
LONGEST_READING_WAIT_S = 43_200


def has_come(column: str, longest_wait_s: int = LONGEST_WAIT_S) -> str:
    """Return the SQL condition that the time in a column has come; never for 'infinity'.

    A time further ahead than any wait shows that the clock was set back since. It has come too.
    """
    return (
        f"({column} <= now() OR {column} BETWEEN now() + interval '{longest_wait_s} s' "
        "AND '9000-01-01')"
    )


def bring_forward(connection: Connection, wait_s: float, reading_s: float) -> int:
    """Let all come now that lies further ahead than a wait can be; return how many rows.

    The database's clock was set back since they were written. Without this they would wait longer
    by that much, up to the limits above. Sooner is safe: a stored time only says when to look
    again, and what decides about money does not rest on it. A second call finds none.

    Args:
        wait_s: the longest wait of a payment or object, in seconds.
        reading_s: the longest time between two readings.
    """
    moved = 0
    # each condition is that of an index: what has ended is not read
    payments = "status IN ('sending', 'in_doubt')"
    objects = "status IN ('unprocessed', 'sending', 'in_doubt')"
    for table, waits, column, longest_s in (
        ("payment", payments, "due_at", wait_s),
        ("payment", payments, "lease_until", wait_s),
        ("payment", "poll_due_at < 'infinity'", "poll_due_at", reading_s),
        ("object", objects, "due_at", wait_s),
        ("object", objects, "lease_until", wait_s),
    ):
        moved += run(
            connection,
            f"""
            WITH late AS (
                SELECT {table}_id
                FROM {table}
                WHERE {waits}
                    AND {column} BETWEEN now() + make_interval(secs => :longest_s) AND '9000-01-01'
                FOR UPDATE SKIP LOCKED
            )
            UPDATE {table} t
            SET {column} = now()
            FROM late
            WHERE t.{table}_id = late.{table}_id""",  # noqa: S608 - names of our own
            longest_s=longest_s,
        ).rowcount
    return moved
