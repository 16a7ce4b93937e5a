"""Connections to a service's own PostgreSQL, with the same settings everywhere."""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.common.contracts.errors import SettingsError

SCHEME = "postgresql+psycopg2://"
#: A machine that dies sends nothing. After these limits (seconds; milliseconds for the last) a
#: connection to it is given up.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
#: SQLSTATE classes: 08 connection, 40 serialization or deadlock, 53 out of connections or memory.
UNAVAILABLE_CLASSES = frozenset({"08", "40", "53"})
#: 55P03 lock time-out, 25P03 idle transaction time-out; 57P… is a shutdown or a crash.
UNAVAILABLE_CODES = frozenset({"55P03", "25P03"})


def connect(url: str, application: str, pool_size: int = 8) -> Engine:
    """Make an engine. No connection is opened yet.

    Limits: a transaction that is idle for 30 s is ended, a lock is waited for at most 20 s.
    Errors never show parameters: they may be personal.

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
    """Whether an error means that the database is away or overloaded.

    The same work may then be tried again. Other errors are bugs.
    """
    # A pool without a free connection is overloaded, or its server answers none of them.
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "pgcode", None)
    if code is None:
        # The client raised it: the server cannot be reached, or the request makes no sense (a bug).
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return (
        error.connection_invalidated
        or code[:2] in UNAVAILABLE_CLASSES
        or code[:3] == "57P"
        or code in UNAVAILABLE_CODES
    )


def error_summary(error: SQLAlchemyError) -> str:
    """The server's or the client's message in one line, without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]


def run(connection: Connection, sql: str, **values: Any) -> Any:
    """Execute one statement written as text.

    Lists are bound as PostgreSQL arrays (`CAST(:ids AS uuid[])`).
    """
    return connection.execute(text(sql), values)
