"""When a stored time has come, also after the database's clock was set back."""

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
