"""Statements about the transaction itself, not about a table."""

from datetime import datetime

from sqlalchemy import Connection

from libs.common.database.engine import run


def now(connection: Connection) -> datetime:
    """Return the database's clock at the begin of this transaction."""
    at: datetime = run(connection, "SELECT now()").scalar_one()
    return at


def prefer_indexes(connection: Connection) -> None:
    """Make the planner use indexes until the end of this transaction.

    Right after a file came in the tables have no statistics. The planner then read whole tables
    for each row: half a minute per chunk with 50,000 payments.
    """
    for method in ("seqscan", "hashjoin", "mergejoin"):
        run(connection, f"SET LOCAL enable_{method} = off")
