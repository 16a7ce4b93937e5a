"""Start services: `python -m services [name …]`, `migrate [name …]`, `topics`, `rebuild ledger|reports`,
`hold ingest|dispatcher|ledger …`, `refill <name …>|all|watch`, `keys [name …]`.

One table names the services, in the order money flows; everything else is read from it.
"""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

FLOW = ("ingest", "dispatcher", "webhooks", "ledger", "reports", "gateway")
SEALED = ("ingest", "dispatcher", "reports")  # those that keep sealed values
USAGE = (
    f"usage: python -m services [{'|'.join(FLOW)} …] | migrate [name …] | topics | rebuild ledger|reports | hold ingest|dispatcher|ledger …"
    " | refill <name …>|all|watch | keys [name …]"
)


def start(names: list[str]) -> int:
    """Run one service in this process, or several as children that live and die together."""
    if len(names) == 1:
        importlib.import_module(f"services.{names[0]}.app").main()
        return 0
    children = [subprocess.Popen([sys.executable, "-m", "services", name]) for name in names]  # noqa: S603 - our own interpreter

    def end(*_: object) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    with contextlib.suppress(KeyboardInterrupt):
        os.wait()
    end()
    return max(abs(child.wait()) for child in children)


def migrate_all(names: list[str]) -> int:
    """Bring the named databases (all, if none is named) to the newest revision, as the roles that own them."""
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
                f"{name}: the database cannot be migrated: {error_summary(error)}. Nothing of this migration was kept.\n"
            )
            return 2
    return 0


def create_topics() -> int:
    """Create the topics that are missing."""
    from libs.common.contracts import topics  # noqa: PLC0415
    from libs.common.contracts.errors import Fatal  # noqa: PLC0415
    from libs.common.messaging import kafka  # noqa: PLC0415

    try:
        made = kafka.create_topics(
            os.environ.get("PAYDOWN_KAFKA", "127.0.0.1:19092"), topics.TOPICS
        )
    except Fatal as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"topics created: {', '.join(made) or 'none were missing'}\n")
    return 0


def refill_all(names: list[str], counting: bool) -> int:
    """Fill a broker that has lost its topics again, or count how far that is."""
    from ops import republish  # noqa: PLC0415 - as above

    speaking = republish.speaking(names)
    if not speaking:
        sys.stderr.write(
            f"{', '.join(names)}: neither writes to Kafka nor reads from it; there is nothing to refill.\n"
        )
        return 2
    return republish.watch(speaking) if counting else republish.main(speaking)


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 when the words or the machine are wrong."""
    match arguments:
        case ["migrate", *names] if set(names) <= set(FLOW):
            return migrate_all(names or list(FLOW))
        case ["topics"]:
            return create_topics()
        case ["hold", *names] if names and set(names) <= {"ingest", "dispatcher", "ledger"}:
            from ops import quarantine  # noqa: PLC0415 - as above

            return quarantine.main(names)
        case ["rebuild", ("ledger" | "reports") as name]:
            return int(importlib.import_module(f"services.{name}.rebuild").main())
        case ["refill", what, *more] if set(
            names := more if what in ("all", "watch") else [what, *more]
        ) <= set(FLOW):
            return refill_all(names or list(FLOW), counting=what == "watch")
        case ["keys", *names] if set(names) <= set(SEALED):
            from ops import key_usage  # noqa: PLC0415 - as above

            return key_usage.main(names or SEALED)
        case names if set(names) <= set(FLOW):
            return start(list(names) or list(FLOW))
    sys.stderr.write(USAGE + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
