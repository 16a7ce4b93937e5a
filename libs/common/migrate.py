"""Migrations: Alembic, one folder per service, one at a time behind an advisory lock, with limits on locks and statements."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, pool

from libs.common.database import run

MIGRATION_LOCK = 7_030_101
ENVIRONMENT = Path(__file__).parent / "alembic"


def config(migrations: Path) -> Config:
    """Alembic's configuration of one service; its revisions lie in `<service>/migrations`."""
    made = Config()
    made.set_main_option("script_location", str(ENVIRONMENT))
    made.set_main_option("version_locations", str(migrations))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(owner_url: str, migrations: Path, revision: str = "heads") -> None:
    """Bring a database to its newest revision, as the role that owns it. A second call, or one at the same time, does nothing."""
    engine = create_engine(owner_url, poolclass=pool.NullPool, hide_parameters=True, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        run(connection, "SELECT pg_advisory_lock(:lock)", lock=MIGRATION_LOCK)
        run(connection, "SET lock_timeout = '10s'")
        run(connection, "SET statement_timeout = '10min'")
        connection.commit()
        made = config(migrations)
        made.attributes["connection"] = connection
        command.upgrade(made, revision)
        connection.commit()
    engine.dispose()


def at_head(engine: Engine, migrations: Path) -> bool:
    """Whether the database is at the newest revision this code knows; part of /health/ready."""
    heads = set(ScriptDirectory.from_config(config(migrations)).get_heads())
    with engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads

