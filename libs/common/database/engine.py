"""The connection to a service's own PostgreSQL, set the same way everywhere."""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from libs.common.runtime.settings import SettingsError

#: A machine that vanishes says nothing; after so long (seconds, and milliseconds) a connection to it is given up instead of waited for.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
SCHEME = "postgresql+psycopg2://"


def connect(url: str, application: str, pool_size: int = 8) -> Engine:
    """An engine with limits: a frozen worker's transaction ends after 30 s, a lock is waited for at most 20 s.

    Parameters never appear in errors (they may be personal). No connection is made yet.

    Raises:
        SettingsError: the address is not written as `postgresql+psycopg2://…`.
    """
    if not url.startswith(SCHEME):
        raise SettingsError(f"The database address must begin with {SCHEME}.")
    options = "-c idle_in_transaction_session_timeout=30000 -c lock_timeout=20000 -c timezone=UTC"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=8,
        pool_pre_ping=True,
        hide_parameters=True,
        pool_timeout=20,
        connect_args={
            "application_name": application,
            "options": options,
            "connect_timeout": 5,
            **KEEPALIVE,
        },
    )


def is_unavailable(error: BaseException) -> bool:
    """Whether an error means that the database went away or is overloaded, so that the same work may be tried again."""
    if isinstance(
        error, NoneFree
    ):  # all connections of the pool are in use, as when the server does not answer any of them
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "pgcode", None)
    if (
        code is None
    ):  # said by the client, not by the server: it cannot reach it, or we asked for something impossible (a bug)
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    # 08 connection, 57P shutdown or crash, 40 serialization or deadlock, 55P03 lock time-out, 53 out of connections or memory
    return (
        error.connection_invalidated
        or code[:2] in {"08", "40", "53"}
        or code[:3] == "57P"
        or code in {"55P03", "25P03"}
    )


def error_summary(error: SQLAlchemyError) -> str:
    """What a server, or the client, said of an error, in one line; the statement and its values are not in it."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]


def run(connection: Connection, sql: str, **values: Any) -> Any:
    """Execute one statement written as text; lists are bound as PostgreSQL arrays (`CAST(:ids AS uuid[])`)."""
    return connection.execute(text(sql), values)
