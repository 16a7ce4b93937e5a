"""`python -m ops quarantine SERVICE …`: mark databases that came back from a backup.

To be run before their services start. The services then stay read-only until two people release
them (docs/runbooks/restore.md).
"""

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.database.engine import connect, error_summary
from libs.common.recovery import quarantine
from libs.common.runtime.settings import read_one
from ops.errors import CommandError

WHY = (
    "An operator marked this database as restored from a copy; "
    "what happened since must be recovered first."
)
NOT_GIVEN = "-"


def quarantine_databases(names: Sequence[str]) -> None:
    """Mark the databases of these services. A second call keeps the first mark.

    Raises:
        CommandError: an address is missing, or a database cannot be written.
    """
    for name in names:
        try:
            engine = connect(_address(name), f"quarantine-{name}", 1)
            with engine.begin() as connection:
                quarantine.start(connection, WHY)
            engine.dispose()
        except SettingsError as error:
            raise CommandError(f"{name}: {error}") from None
        except SQLAlchemyError as error:
            raise CommandError(
                f"{name}: the database cannot be quarantined: {error_summary(error)}. "
                f"It was not changed."
            ) from None


def _address(name: str) -> str:
    """The owner's address where it is given, as to `migrate`, else the service's own."""
    owner = read_one(name, "owner_url", "", NOT_GIVEN)
    if owner != NOT_GIVEN:
        return owner
    return read_one(
        name, "database_url", "it names the database to quarantine (its OWNER_URL does as well)"
    )
