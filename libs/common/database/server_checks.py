"""What can go wrong around a database: clocks, connections, endless transactions, triggers."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from libs.common.database.engine import run
from libs.common.observability.clock_difference import clock_sentence, seconds_ahead

CONNECTIONS_MAX_SHARE = 0.85
TRANSACTION_MAX_S = 600.0


def check_server(engine: Engine) -> dict[str, str]:
    """A sentence for each check by its name; "" where nothing is wrong.

    Of the sessions of other roles pg_stat_activity shows a service next to nothing, and it should
    not: they have the texts of queries. So connections are counted where everybody may count, and
    of transactions only the service's own are judged.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        run(connection, "SELECT 1")  # a new connection takes longer than a question
        asked_at = datetime.now(UTC)
        there = run(connection, "SELECT clock_timestamp()").scalar()
        answered_at = datetime.now(UTC)
        row = run(
            connection,
            """
            SELECT (SELECT sum(numbackends) FROM pg_stat_database) AS connections,
                   CAST(current_setting('max_connections') AS int)
                       - CAST(current_setting('superuser_reserved_connections') AS int) AS most,
                   (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
                    FROM pg_stat_activity
                    WHERE datname = current_database()
                      AND usename = current_user) AS oldest_s""",
        ).one()
        disabled = run(
            connection,
            """
            SELECT c.relname || '.' || t.tgname
            FROM pg_trigger t
            JOIN pg_class c ON c.oid = t.tgrelid
            WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
              AND t.tgenabled = 'D'
            ORDER BY 1""",
        ).scalars()
        triggers = triggers_sentence(list(disabled))
    return {
        "clock of the database": clock_sentence(
            "the database", seconds_ahead(there, asked_at, answered_at)
        ),
        "database connections": connections_sentence(int(row.connections), row.most),
        "oldest transaction": transaction_sentence(float(row.oldest_s)),
        "triggers of the database": triggers,
    }


def connections_sentence(used: int, most: int) -> str:
    """Whether the server has nearly as many connections as it allows."""
    if used <= most * CONNECTIONS_MAX_SHARE:
        return ""
    return (
        f"The database server has {used} connections of {most} that it allows. "
        "Raise max_connections, or find who holds them (pg_stat_activity)."
    )


def triggers_sentence(disabled: Sequence[str]) -> str:
    """Whether somebody has switched off rules that the database holds."""
    if not disabled:
        return ""
    return (
        f"Triggers are switched off: {', '.join(disabled)}. They hold rules about money. Find out "
        "who did that, and switch them on (ALTER TABLE … ENABLE TRIGGER …)."
    )


def transaction_sentence(oldest_s: float) -> str:
    """Whether a transaction of the service has been open for too long to clean up behind it."""
    if oldest_s <= TRANSACTION_MAX_S:
        return ""
    return (
        f"A transaction of this service has been open for {oldest_s / 60:.0f} minutes; nothing can "
        "be cleaned up behind it. Find it in pg_stat_activity by xact_start."
    )
