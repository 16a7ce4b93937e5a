"""`python -m services keys [name …]`: under which seal keys each service's values lie, in its database and on its topics (docs/runbooks/keys.md)."""

import importlib
import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.key_check import key_usage
from libs.common.database.engine import connect, error_summary
from libs.common.runtime.settings import read_one


def main(names: Sequence[str]) -> int:
    """Print them. A key that is named here must stay in the settings of that service. Exit code 0, or 2 with one sentence."""
    for name in names:
        try:
            keys = [
                part.partition(":")[0]
                for part in read_one(name, "seal_keys", "it says which keys the service has").split(
                    ","
                )
                if part
            ]
            engine = connect(
                read_one(name, "database_url", "it names the database to look into"),
                f"keys-{name}",
                1,
            )
            with engine.connect() as connection:
                found = key_usage(
                    connection, importlib.import_module(f"services.{name}.key_check").PLACES
                )
            engine.dispose()
        except SettingsError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        except SQLAlchemyError as error:
            sys.stderr.write(
                f"{name}: its database cannot be read: {error_summary(error)}. Nothing was changed.\n"
            )
            return 2
        for key in [*keys, *sorted(set(found) - set(keys))]:
            places = (
                ", ".join(f"{count} in {place}" for place, count in found.get(key, {}).items())
                or "nothing is sealed under it"
            )
            role = (
                "seals"
                if key in keys[:1]
                else "opens"
                if key in keys
                else "MISSING in the settings"
            )
            sys.stdout.write(f"{name:<11} {key:<16} {role:<6} {places}\n")
    return 0
