"""Connections to a service's own PostgreSQL, with the same settings everywhere."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.common.contracts.errors import SettingsError
from libs.common.database.server_warnings import ServerWarnings

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
#: A standby, or a primary that was fenced: another server is, or will be, the primary.
READ_ONLY = "25006"
#: 55P03 lock time-out, 25P03 idle transaction time-out; 57P… is a shutdown or a crash.
UNAVAILABLE_CODES = frozenset({"55P03", "25P03", READ_ONLY})
#: Set on each new connection, and not as start options, which a pooler in session mode refuses.
SESSION_SETTINGS = {
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "20s",
    "timezone": "UTC",
}
#: Of a statement that was used lately the parsed form is kept; all services have about 700.
STATEMENTS_MAX = 2_000


def connect(url: str, application: str, pool_size: int = 8) -> Engine:
    """Make an engine. No connection is opened yet.

    Limits: a transaction that is idle for 30 s is ended, a lock is waited for at most 20 s.
    Errors never show parameters: they may be personal.

    Several servers in one address are tried in their order, and one that accepts writes is taken:
    `postgresql+psycopg2://user:password@host1:5432,host2:5432/database`.

    Raises:
        SettingsError: the address is not written as `postgresql+psycopg2://…`.
    """
    if not url.startswith(SCHEME):
        raise SettingsError(f"The database address must begin with {SCHEME}.")
    engine = create_engine(
        several_hosts(url),
        pool_size=pool_size,
        max_overflow=8,
        pool_pre_ping=True,
        hide_parameters=True,
        pool_timeout=20,
        connect_args={"application_name": application, "connect_timeout": 5, **KEEPALIVE},
    )
    event.listen(engine, "connect", _set_session)
    event.listen(engine, "checkin", _forget_isolation)
    event.listen(engine, "handle_error", _leave_read_only_server)
    return engine


def several_hosts(url: str) -> str:
    """An address with several hosts as SQLAlchemy reads it: a parameter `host` for each.

    A server that accepts writes is then asked for, if the address does not say otherwise.
    """
    before, at, rest = url.rpartition("@")
    hosts, slash, database = rest.partition("/")
    if not at or "," not in hosts:
        return url
    made = make_url(f"{before}@{slash}{database}")
    query = {"target_session_attrs": "read-write", **made.query, "host": tuple(hosts.split(","))}
    return made.set(query=query).render_as_string(hide_password=False)


def certificates_in(url: str) -> list[str]:
    """The files of certificates that an address names."""
    query = make_url(several_hosts(url)).query
    named = (query.get(name) for name in ("sslrootcert", "sslcert"))
    return [name for name in named if isinstance(name, str) and name != "system"]


def _set_session(raw: Any, _record: object) -> None:  # raw: psycopg2's own connection
    raw.notices = ServerWarnings()
    with raw.cursor() as cursor:
        for name, value in SESSION_SETTINGS.items():
            cursor.execute(f"SET {name} = '{value}'")
    raw.commit()


def _forget_isolation(raw: Any, _record: object) -> None:  # raw: psycopg2's own connection
    """Begin transactions by a plain BEGIN again, after one use with another isolation level.

    SQLAlchemy gives the usual level back by naming it. With a named level each ping of the
    connection costs one statement more, for as long as the connection lives.
    """
    if raw is not None and not raw.closed:  # None: the connection was invalidated
        raw.isolation_level = None


def _leave_read_only_server(context: ExceptionContext) -> None:
    """Give up every connection to a server that refuses writes; the next ones look for another."""
    if getattr(context.original_exception, "pgcode", None) == READ_ONLY:
        context.is_disconnect = True


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
    return connection.execute(parsed(sql), values)


@lru_cache(STATEMENTS_MAX)
def parsed(sql: str) -> TextClause:
    """A statement, read once: to find its parameters takes longer than all else of the client."""
    return text(sql)
