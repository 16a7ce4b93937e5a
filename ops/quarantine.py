"""`python -m services hold ingest|dispatcher|ledger …`: mark databases that came back from a backup, before their services start (docs/runbooks/restore.md)."""

import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.database.engine import connect, error_summary
from libs.common.recovery import quarantine
from libs.common.runtime.settings import read_one

WHY = "An operator has marked it as restored from a copy; what has happened since must be taken back first."
NOT_GIVEN = "-"


def _address(name: str) -> str:
    """The owner's where it is given, as to `migrate`, else the service's own."""
    owner = read_one(name, "owner_url", "", NOT_GIVEN)
    return (
        owner
        if owner != NOT_GIVEN
        else read_one(
            name, "database_url", "it names the database to be marked (its OWNER_URL does as well)"
        )
    )


def main(names: Sequence[str]) -> int:
    """They decide nothing until two people release them; a second call keeps the first mark. Exit code 0, or 2 with one sentence."""
    for name in names:
        try:
            engine = connect(_address(name), f"hold-{name}", 1)
            with engine.begin() as connection:
                quarantine.start(connection, WHY)
            engine.dispose()
        except SettingsError as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 2
        except SQLAlchemyError as error:
            sys.stderr.write(
                f"{name}: the database cannot be marked: {error_summary(error)}. Nothing was changed.\n"
            )
            return 2
    return 0
