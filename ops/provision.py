"""Make a database and two roles for each service.

One role owns the schema and migrates it; the other only reads and writes rows. Nobody else may
connect, so PostgreSQL itself keeps a service out of the tables of another.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import (
    connection as Connection,  # noqa: N812 - it is a class, named in small letters there
)

from ops.errors import CommandError
from services import catalog

LONGEST_NAME_BYTES = 63  # PostgreSQL cuts longer names silently
OLDEST_VERSION = 140_000
WAIT_S = 60.0


def provision_all() -> None:
    """`python -m ops provision`: the databases of all services, on a server that may still start.

    A second call sets the passwords again and changes nothing else.

    Raises:
        CommandError: a secret is missing, or the server cannot be used within a minute.
    """
    url, secret = _secret("DATABASE_URL_FILE"), _secret("DATABASE_SECRET_FILE")
    until = time.monotonic() + WAIT_S
    while not answers(url) and time.monotonic() < until:
        time.sleep(0.5)
    check(url)
    for name in catalog.NAMES:
        create(url, name, secret=secret)


def _secret(variable: str) -> str:
    try:
        return Path(os.environ[variable]).read_text().strip()
    except KeyError:
        raise CommandError(f"{variable} is not set: it names the file with the secret") from None
    except OSError as error:
        raise CommandError(
            f"{variable} names a file that cannot be read: {error.strerror}"
        ) from None


@dataclass(frozen=True)
class Names:
    """The database of one service and its two roles."""

    database: str
    service_role: str
    owner_role: str

    @classmethod
    def of(cls, service: str, prefix: str) -> "Names":
        """`<prefix>_<service>` and `<prefix>_<service>_owner`."""
        name = f"{prefix}_{service}"
        if len(f"{name}_owner".encode()) > LONGEST_NAME_BYTES:
            raise ValueError(f"{name}_owner is longer than a PostgreSQL name may be")
        return cls(database=name, service_role=name, owner_role=f"{name}_owner")


def urls(admin_url: str, service: str, prefix: str, secret: str) -> tuple[str, str]:
    """(URL for the service, URL for its migrations), as SQLAlchemy takes them; asks no server."""
    names = Names.of(service, prefix)
    service_url, owner_url = (
        _url(admin_url, names.database, role, secret)
        for role in (names.service_role, names.owner_role)
    )
    return service_url, owner_url


def create(
    admin_url: str,
    service: str,
    prefix: str = catalog.DATABASE_PREFIX,
    secret: str | None = None,
) -> tuple[str, str]:
    """Make the database and the roles of a service where they are missing.

    A second call only sets the passwords.

    Args:
        admin_url: a role that may create databases and roles.
        service: its name.
        prefix: the first part of every name.
        secret: the passwords are derived from it; without it they are random, and a second call
            changes them.

    Returns:
        What `urls` returns.

    Raises:
        CommandError: the server cannot be reached, or refuses.
    """
    names, secret = Names.of(service, prefix), secret or secrets.token_hex(32)
    with _connected(admin_url) as admin:
        for role in (names.service_role, names.owner_role):
            _make_role(admin, role, _password(role, secret))
        _make_database(admin, names)
    with _connected(admin_url, names.database) as inside:
        _allow(inside, names)
    return urls(admin_url, service, prefix, secret)


def drop(admin_url: str, service: str, prefix: str = catalog.DATABASE_PREFIX) -> None:
    """Remove the database and the roles of a service, and end the connections to it.

    A second call does nothing.

    Raises:
        CommandError: the server cannot be reached, or refuses.
    """
    names = Names.of(service, prefix)
    with _connected(admin_url) as admin, admin.cursor() as cursor:
        cursor.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                sql.Identifier(names.database)
            )
        )
        for role in (names.service_role, names.owner_role):
            cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def check(admin_url: str) -> None:
    """Refuse a server that cannot be used, before anything is started.

    Raises:
        CommandError: it cannot be reached, is too old, or its role may not create databases and
            roles.
    """
    with _connected(admin_url) as admin, admin.cursor() as cursor:
        if admin.server_version < OLDEST_VERSION:
            raise CommandError(
                f"{_shown(admin_url)} is PostgreSQL {admin.server_version // 10_000}; "
                f"paydown needs {OLDEST_VERSION // 10_000} or newer"
            )
        cursor.execute(
            """
            SELECT rolsuper OR (rolcreatedb AND rolcreaterole)
            FROM pg_roles
            WHERE rolname = current_user"""
        )
        row = cursor.fetchone()
        if not (row and row[0]):
            raise CommandError(
                f"the role of {_shown(admin_url)} may not create databases and roles: "
                f"ALTER ROLE … CREATEDB CREATEROLE"
            )


def answers(url: str) -> bool:
    """Whether a server accepts our connections now."""
    try:
        with _connected(url):
            return True
    except CommandError:
        return False


def host_and_port(url: str) -> tuple[str, int]:
    """(host, port) of a server's address."""
    parts = _parts(url)
    return parts.hostname or "127.0.0.1", parts.port or 5432


def _make_role(admin: Connection, role: str, password: str) -> None:
    with admin.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
        if cursor.rowcount == 0:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        cursor.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        )


def _make_database(admin: Connection, names: Names) -> None:
    database, owner, role = map(
        sql.Identifier, (names.database, names.owner_role, names.service_role)
    )
    with admin.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
        is_superuser = bool(row and row[0])
        if not is_superuser:  # others must be members of the role that they make the owner
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", (names.database,))
        if cursor.rowcount == 0:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    database, owner
                )
            )
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        cursor.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role)
        )


def _allow(inside: Connection, names: Names) -> None:
    owner, role = sql.Identifier(names.owner_role), sql.Identifier(names.service_role)
    with inside.cursor() as cursor:
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        cursor.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            grant = (
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {{}} IN SCHEMA public GRANT {rights} TO {{}}"
            )
            cursor.execute(sql.SQL(grant).format(owner, role))


@contextmanager
def _connected(url: str, database: str | None = None) -> Iterator[Connection]:
    """An autocommit connection.

    Raises:
        CommandError: the server fails; one sentence, without the password.
    """
    parts = _parts(url)
    plain = urlunsplit(
        ("postgresql", parts.netloc, f"/{database}" if database else parts.path, parts.query, "")
    )
    try:
        link = psycopg2.connect(plain, connect_timeout=5)
    except (psycopg2.Error, ValueError) as error:
        raise CommandError(
            f"PostgreSQL at {_shown(url)} cannot be used: {_first_line(error)}"
        ) from None
    link.autocommit = True
    try:
        yield link
    except psycopg2.Error as error:
        raise CommandError(f"PostgreSQL at {_shown(url)} refused: {_first_line(error)}") from error
    finally:
        link.close()


def _password(role: str, secret: str) -> str:
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()


def _url(admin_url: str, database: str, role: str, secret: str) -> str:
    parts = _parts(admin_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        (
            "postgresql+psycopg2",
            f"{quote(role)}:{_password(role, secret)}@{address}",
            f"/{database}",
            parts.query,
            "",
        )
    )


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise CommandError(
            "DATABASE_URL is not the address of a PostgreSQL server: "
            "postgresql://role:password@host:port/database"
        )
    return parts


def _shown(url: str) -> str:
    return _parts(url).netloc.rpartition("@")[2] or "the given address"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
