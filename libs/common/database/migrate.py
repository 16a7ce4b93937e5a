"""Migrations with Alembic: one folder per service, one migration at a time.

An advisory lock keeps two processes from migrating together. Locks are waited for at most 10 s,
and a statement may take at most 10 min.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, create_engine, pool

from libs.common.contracts.errors import PaydownError
from libs.common.database.engine import run, several_hosts

MIGRATION_LOCK = 7_030_101
ENVIRONMENT = Path(__file__).parent / "alembic"
REVISION = re.compile(r'^((?:down_)?revision)(?:: [^=]+)? = "([^"]+)"', re.MULTILINE)


class SchemaTooNew(PaydownError):
    """A newer version of paydown migrated the database in a way this one does not understand.

    This version would read or write the tables wrongly. Nothing was changed.
    """

    code = "database.too-new"


def upgrade(owner_url: str, migrations: Path, revision: str = "heads") -> None:
    """Bring a database to a revision, as the role that owns it.

    A second call, or one at the same time, changes nothing.

    Args:
        revision: the newest one by default.

    Raises:
        SchemaTooNew: nothing is changed.
    """
    from alembic import command  # noqa: PLC0415 - see `heads`
    from alembic.config import Config  # noqa: PLC0415 - only migrations need Alembic

    engine = create_engine(
        several_hosts(owner_url),
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        run(connection, "SELECT pg_advisory_lock(:lock)", lock=MIGRATION_LOCK)
        current = _current(connection)  # after the lock: a newer version may have held it
        _refuse_newer(current, migrations)
        if current - known(migrations):
            return  # a newer version, running beside this one, has added its part already
        run(connection, "SET lock_timeout = '10s'")
        run(connection, "SET statement_timeout = '10min'")
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(ENVIRONMENT))
        config.set_main_option("version_locations", str(migrations))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def at_head(engine: Engine, migrations: Path) -> bool:
    """Whether this code can work with the database (a part of /health/ready).

    It can at the newest revision it knows, and at a later one that only added something.
    """
    with engine.connect() as connection:
        current = _current(connection)
    return current == heads(migrations) or _only_added(current, migrations)


def refuse_newer(engine: Engine, migrations: Path) -> None:
    """Refuse a database that a newer version changed in a way this one does not understand.

    An older one is accepted: it is migrated later.

    Raises:
        SchemaTooNew
    """
    with engine.connect() as connection:
        _refuse_newer(_current(connection), migrations)


def _refuse_newer(current: set[str], migrations: Path) -> None:
    if current - known(migrations) and not _only_added(current, migrations):
        raise SchemaTooNew(
            f"The database is at {', '.join(sorted(current))}, which a newer version of paydown "
            "has made and this one does not understand; start that version, or restore a copy "
            "from before its migration. No money is affected."
        )


def _current(connection: Connection) -> set[str]:
    if run(connection, "SELECT to_regclass('alembic_version')").scalar() is None:
        return set()
    return set(run(connection, "SELECT version_num FROM alembic_version").scalars())


class _Place(NamedTuple):
    """A revision's place in the history of its service."""

    service: str
    generation: int
    number: int


def _only_added(current: set[str], migrations: Path) -> bool:
    """Whether unknown revisions are later ones of the same generation.

    A migration that takes something away, or gives it another meaning, begins a generation; the
    others only add (docs/runbooks/upgrade.md).
    """
    ours = [_place(revision) for revision in heads(migrations)]
    theirs = [_place(revision) for revision in current]
    if len(ours) != 1 or len(theirs) != 1 or ours[0] is None or theirs[0] is None:
        return False
    return theirs[0][:2] == ours[0][:2] and theirs[0].number >= ours[0].number


def _place(revision: str) -> _Place | None:
    """Read a revision's name; None if it is not one of ours.

    `<service>_<number>`, after a contraction `<service>_c<generation>_<number>`.
    """
    found = re.fullmatch(r"([a-z]+)_(?:c(\d+)_)?(\d{4})", revision)
    return _Place(found[1], int(found[2] or 0), int(found[3])) if found else None


@lru_cache
def heads(migrations: Path) -> set[str]:
    """The revisions that no other revision follows.

    They are read from the files, so that a service need not wait for Alembic to start.
    """
    scripts = _scripts(migrations)
    replaced = {script.get("down_revision", "") for script in scripts}
    return {script["revision"] for script in scripts} - replaced


def history(migrations: Path) -> list[str]:
    """Every revision of this code, oldest first."""
    after = {script.get("down_revision", ""): script["revision"] for script in _scripts(migrations)}
    found, revision = [], after.get("", "")
    while revision:
        found.append(revision)
        revision = after.get(revision, "")
    return found


@lru_cache
def known(migrations: Path) -> set[str]:
    """Every revision of this code."""
    return {script["revision"] for script in _scripts(migrations)}


def _scripts(migrations: Path) -> list[dict[str, str]]:
    return [dict(REVISION.findall(file.read_text())) for file in migrations.glob("[0-9]*.py")]
