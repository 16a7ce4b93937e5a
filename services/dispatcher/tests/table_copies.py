"""A copy of the dispatcher's tables beside them, and the way back to it."""

from sqlalchemy import Engine

from libs.common.database.engine import run
from services.dispatcher.tests.harness import TABLES

#: Their triggers would judge rows that were judged before.
GUARDED = ("attempt", "object", "payment", "held_decision")


def copy_tables(owner: Engine) -> None:
    """Copy every table; a second call replaces the copy."""
    with owner.begin() as connection:
        run(connection, "DROP SCHEMA IF EXISTS copy CASCADE")
        run(connection, "CREATE SCHEMA copy")
        for table in TABLES:
            run(connection, f"CREATE TABLE copy.{table} AS TABLE public.{table}")


def restore_tables(owner: Engine) -> None:
    """Go back to the copy."""
    with owner.begin() as connection:
        run(connection, f"TRUNCATE {', '.join(TABLES)}")
        for table in GUARDED:
            run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in ("object", "payment", *(set(TABLES) - {"object", "payment"})):
            run(
                connection,
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM copy.{table}",
            )
        for table in GUARDED:
            run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")
