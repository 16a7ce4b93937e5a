"""Start services, migrate their databases, make topics, rebuild projections.

    python -m services [SERVICE …]              start these (all, if none is named)
    python -m services migrate [SERVICE …]      bring their databases to the newest revision
    python -m services topics                   make the topics that are missing
    python -m services rebuild ledger|reports   build it again from its topics, and compare

What operators do beside that: `python -m ops`.
"""

import contextlib
import importlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from services import catalog

USAGE = (
    f"usage: python -m services [{'|'.join(catalog.NAMES)} …] | migrate [name …] | topics"
    f" | rebuild {'|'.join(catalog.REBUILDABLE)}"
)


def start(names: list[str]) -> int:
    """Run one service in this process, or several as children that end together.

    None leaves a core dump: its memory has keys, and personal values in clear.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if len(names) == 1:
        importlib.import_module(f"services.{names[0]}.app").main()
        return 0
    children = [
        subprocess.Popen([sys.executable, "-m", "services", name])  # noqa: S603 - ourselves
        for name in names
    ]

    def end(*_: object) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    with contextlib.suppress(KeyboardInterrupt):
        os.wait()
    end()
    return max(abs(child.wait()) for child in children)


def migrate_all(names: list[str]) -> int:
    """Bring these databases to the newest revision, as the roles that own them."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - `start` must not wait for Alembic

    from libs.common.contracts.errors import SettingsError  # noqa: PLC0415 - likewise
    from libs.common.database.engine import error_summary  # noqa: PLC0415 - likewise
    from libs.common.database.migrate import SchemaTooNew, upgrade  # noqa: PLC0415 - likewise
    from libs.common.runtime.settings import read_one  # noqa: PLC0415 - likewise

    for name in names:
        try:
            upgrade(
                read_one(name, "owner_url", "migrations need the role that owns the database"),
                Path(__file__).parent / name / "migrations",
            )
        except (SettingsError, SchemaTooNew) as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 2
        except SQLAlchemyError as error:
            sys.stderr.write(
                f"{name}: the database cannot be migrated: {error_summary(error)}. "
                f"Nothing of this migration was kept.\n"
            )
            return 2
    return 0


def create_topics() -> int:
    """Create the topics that are missing."""
    from libs.common.contracts import topics  # noqa: PLC0415 - a command loads what it needs
    from libs.common.contracts.errors import Fatal  # noqa: PLC0415 - a command loads what it needs
    from libs.common.messaging import kafka  # noqa: PLC0415 - a command loads what it needs

    try:
        made = kafka.create_topics(
            os.environ.get("PAYDOWN_KAFKA", "127.0.0.1:19092"), topics.TOPICS
        )
    except Fatal as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"topics created: {', '.join(made) or 'none were missing'}\n")
    return 0


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 when an argument or the machine is wrong."""
    match arguments:
        case ["migrate", *names] if set(names) <= set(catalog.NAMES):
            return migrate_all(names or list(catalog.NAMES))
        case ["topics"]:
            return create_topics()
        case ["rebuild", name] if name in catalog.REBUILDABLE:
            return int(importlib.import_module(f"services.{name}.rebuild").main())
        case names if set(names) <= set(catalog.NAMES):
            return start(list(names) or list(catalog.NAMES))
    sys.stderr.write(USAGE + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
