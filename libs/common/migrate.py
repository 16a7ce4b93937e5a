"""Migrations: Alembic, one folder per service, one at a time behind an advisory lock, with limits on locks and statements."""

import re
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, pool

from libs.common.database import run

MIGRATION_LOCK = 7_030_101
ENVIRONMENT = Path(__file__).parent / "alembic"
REVISION = re.compile(r'^((?:down_)?revision)(?:: [^=]+)? = "([^"]+)"', re.MULTILINE)


def upgrade(owner_url: str, migrations: Path, revision: str = "heads") -> None:
    """Bring a database to its newest revision, as the role that owns it. A second call, or one at the same time, does nothing."""
    from alembic import command  # noqa: PLC0415 - see `heads`
    from alembic.config import Config  # noqa: PLC0415

    engine = create_engine(owner_url, poolclass=pool.NullPool, hide_parameters=True, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        run(connection, "SELECT pg_advisory_lock(:lock)", lock=MIGRATION_LOCK)
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
    engine.dispose()


def at_head(engine: Engine, migrations: Path) -> bool:
    """Whether the database is at the newest revision this code knows; part of /health/ready."""
    with engine.connect() as connection:
        current = {row.version_num for row in run(connection, "SELECT version_num FROM alembic_version")}
    return current == heads(migrations)


@lru_cache
def heads(migrations: Path) -> set[str]:
    """The revisions that no other revision follows, read from the files: a service must not wait for Alembic to start."""
    named = [dict(REVISION.findall(file.read_text())) for file in migrations.glob("[0-9]*.py")]
    return {one["revision"] for one in named} - {one.get("down_revision", "") for one in named}
