"""Migrations: Alembic, one folder per service, one at a time behind an advisory lock, with limits on locks and statements."""

import re
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, pool

from libs.common.contracts.errors import PaydownError
from libs.common.database.engine import run

MIGRATION_LOCK = 7_030_101
ENVIRONMENT = Path(__file__).parent / "alembic"
REVISION = re.compile(r'^((?:down_)?revision)(?:: [^=]+)? = "([^"]+)"', re.MULTILINE)


def upgrade(owner_url: str, migrations: Path, revision: str = "heads") -> None:
    """Bring a database to its newest revision, as the role that owns it. A second call, or one at the same time, does nothing.

    Raises:
        TooNew: a newer version has been here; nothing is changed.
    """
    from alembic import command  # noqa: PLC0415 - see `heads`
    from alembic.config import Config  # noqa: PLC0415

    engine = create_engine(
        owner_url,
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        run(connection, "SELECT pg_advisory_lock(:lock)", lock=MIGRATION_LOCK)
        current = _current(connection)  # not before the lock: a newer version may have held it
        _refuse_newer(current, migrations)
        if current - known(migrations):
            return  # side by side with a newer version, whose additions are there already
        run(connection, "SET lock_timeout = '10s'")
        run(connection, "SET statement_timeout = '10min'")
        connection.commit()
        made = Config()
        made.set_main_option("script_location", str(ENVIRONMENT))
        made.set_main_option("version_locations", str(migrations))
        made.set_main_option("path_separator", "os")
        made.attributes["connection"] = connection
        command.upgrade(made, revision)
        connection.commit()


class SchemaTooNew(PaydownError):
    """The database was migrated by a newer version of paydown, whose tables this one would read or write wrongly. Nothing was changed."""

    code = "database.too-new"


def at_head(engine: Engine, migrations: Path) -> bool:
    """Whether this code can work with the database: it is at the newest revision known here, or at a later one that only added to it.

    A part of /health/ready.
    """
    with engine.connect() as connection:
        current = _current(connection)
    return current == heads(migrations) or _only_added(current, migrations)


def check(engine: Engine, migrations: Path) -> None:
    """Refuse a database that a newer version has changed in a way this one does not understand. An older one is fine: it is migrated later.

    Raises:
        TooNew
    """
    with engine.connect() as connection:
        _refuse_newer(_current(connection), migrations)


def _refuse_newer(current: set[str], migrations: Path) -> None:
    if current - known(migrations) and not _only_added(current, migrations):
        raise SchemaTooNew(
            f"The database is at {', '.join(sorted(current))}, which a newer version of paydown has made and this one does not understand; "
            f"start that version, or restore a copy from before its migration. No money is affected."
        )


def _current(connection: Connection) -> set[str]:
    if run(connection, "SELECT to_regclass('alembic_version')").scalar() is None:
        return set()
    return {row.version_num for row in run(connection, "SELECT version_num FROM alembic_version")}


def _only_added(current: set[str], migrations: Path) -> bool:
    """Whether unknown revisions are later ones of the same generation: `<service>_<number>`, after a contraction `<service>_c<generation>_<number>`.

    A migration that takes something away, or gives it another meaning, begins a generation; the others only add (docs/runbooks/upgrade.md).
    """
    ours = {_place(revision) for revision in heads(migrations)}
    places = {_place(revision) for revision in current}
    return (
        len(ours) == len(places) == 1
        and None not in ours | places
        and all(
            theirs[:2] == mine[:2] and theirs[2] >= mine[2]
            for theirs in places
            for mine in ours
            if theirs and mine
        )
    )


def _place(revision: str) -> tuple[str, int, int] | None:
    """(service, generation, number) of a revision's name; None if it is not one of ours."""
    found = re.fullmatch(r"([a-z]+)_(?:c(\d+)_)?(\d{4})", revision)
    return (found[1], int(found[2] or 0), int(found[3])) if found else None


@lru_cache
def heads(migrations: Path) -> set[str]:
    """The revisions that no other revision follows, read from the files: a service must not wait for Alembic to start."""
    named = _named(migrations)
    return {one["revision"] for one in named} - {one.get("down_revision", "") for one in named}


@lru_cache
def known(migrations: Path) -> set[str]:
    """Every revision of this code."""
    return {one["revision"] for one in _named(migrations)}


def _named(migrations: Path) -> list[dict[str, str]]:
    return [dict(REVISION.findall(file.read_text())) for file in migrations.glob("[0-9]*.py")]
