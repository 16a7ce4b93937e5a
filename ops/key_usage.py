"""`python -m ops key-usage [SERVICE …]`: which encryption keys are in use, and for how many values.

It asks each service's database. Its outbox also has what is on its topics
(docs/runbooks/keys.md).
"""

import importlib
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.key_check import key_usage
from libs.common.database.engine import connect, error_summary
from libs.common.runtime.settings import read_one
from ops.errors import CommandError


def print_key_usage(names: Sequence[str]) -> None:
    """Print a line for each key of each service. A key with values must stay in its settings.

    Raises:
        CommandError: a setting is missing, or a database cannot be read.
    """
    for name in names:
        try:
            text = read_one(name, "seal_keys", "it says which keys the service has")
            configured = [part.partition(":")[0] for part in text.split(",") if part]
            found = _usage(name)
        except SettingsError as error:
            raise CommandError(str(error)) from None
        except SQLAlchemyError as error:
            raise CommandError(
                f"{name}: its database cannot be read: {error_summary(error)}. Nothing was changed."
            ) from None
        for key in [*configured, *sorted(set(found) - set(configured))]:
            print(f"{name:<11} {key:<16} {_role(key, configured):<8} {_places(found.get(key, {}))}")


def _usage(name: str) -> Mapping[str, Mapping[str, int]]:
    """{key id: {place: values encrypted with it}} of a service's database."""
    columns = importlib.import_module(f"services.{name}.key_check").PLACES
    engine = connect(
        read_one(name, "database_url", "it names the database to read"), f"keys-{name}", 1
    )
    try:
        with engine.connect() as connection:
            return key_usage(connection, columns)
    finally:
        engine.dispose()


def _role(key: str, configured: Sequence[str]) -> str:
    if key not in configured:
        return "MISSING in the settings"
    return "encrypts" if key == configured[0] else "decrypts"


def _places(counts: Mapping[str, int]) -> str:
    if not counts:
        return "nothing is encrypted with it"
    return ", ".join(f"{count} in {place}" for place, count in counts.items())
