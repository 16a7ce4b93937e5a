"""Detects a connection pooler that gives a session's statements to different servers.

Advisory locks, session settings, `LISTEN` and the guard against a replaced database need one server
connection for one session. PgBouncer in transaction mode takes that away silently: two relays would
work at once, and events of one payment could change places. Session mode works; in statement mode
PgBouncer ends each connection at its first transaction, so a service waits for its database.
"""

import secrets

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.errors import SettingsError
from libs.common.database.engine import SESSION_SETTINGS, error_summary, run

SENTENCE = (
    "The database is behind a connection pooler that shares server connections between sessions "
    "(PgBouncer with pool_mode = transaction): {found}. Advisory locks do not hold "
    "there. Set pool_mode = session for this database, or connect to PostgreSQL directly."
)
ROUNDS = 3


def refuse_shared_sessions(engine: Engine) -> None:
    """Refuse a pooler that is not in session mode. Nothing is changed in the database.

    Raises:
        SettingsError: in one sentence, what was found and what to do.
        SQLAlchemyError: the database cannot be asked now.
    """
    try:
        found = next(filter(None, (_shared(engine) for _ in range(ROUNDS))), "")
    except DBAPIError as error:
        said = error_summary(error)
        if "unsupported startup parameter" in said:
            raise SettingsError(
                f"The connection pooler refuses a part of the database's address: {said}."
            ) from None
        raise
    if found:
        raise SettingsError(SENTENCE.format(found=found))


def _shared(engine: Engine) -> str:
    """What shows that sessions share a server connection; "" if nothing does."""
    lock = secrets.randbits(62)
    outside = engine.execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as first, engine.connect() as second:
        before = run(first, "SELECT pg_backend_pid()").scalar()
        try:
            run(first, "SELECT pg_advisory_lock(:lock)", lock=lock)
            with second.begin():  # takes the first one's server connection, if that is shared
                if run(second, "SELECT pg_backend_pid()").scalar() == before:
                    return "two sessions were on one server connection"
                if run(second, "SELECT pg_try_advisory_xact_lock(:lock)", lock=lock).scalar():
                    return "two sessions hold one lock"
                if run(first, "SELECT pg_backend_pid()").scalar() != before:
                    return "a session changed its server connection"
                for name in SESSION_SETTINGS:
                    if (
                        run(
                            first,
                            "SELECT source FROM pg_settings WHERE name = :n",
                            n=("TimeZone" if name == "timezone" else name),
                        ).scalar()
                        != "session"
                    ):
                        return f"a session lost its setting {name}"
        finally:
            run(first, "SELECT pg_advisory_unlock_all()")
    return ""
