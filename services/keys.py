"""`python -m services keys [name …]`: under which seal keys each service's values lie, in its database and on its topics (docs/runbooks/keys.md)."""

import importlib
import os
import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from libs.common.database import connect
from libs.common.sealed import used
from libs.common.settings import SettingsError, from_files


def main(names: Sequence[str]) -> int:
    """Print them. A key that is named here must stay in the settings of that service. Exit code 0, or 2 with one sentence."""
    for name in names:
        prefix = f"PAYDOWN_{name.upper()}_"
        try:
            given = from_files(os.environ, prefix, {"database_url", "seal_keys"})
            url, keys = given.get(f"{prefix}DATABASE_URL", ""), [part.partition(":")[0] for part in given.get(f"{prefix}SEAL_KEYS", "").split(",") if part]
            if not url:
                raise SettingsError(f"{prefix}DATABASE_URL is not set: it names the database to look into.")  # noqa: TRY301 - one way out
            engine = connect(url, f"keys-{name}", 1)
            with engine.connect() as connection:
                found = used(connection, importlib.import_module(f"services.{name}.sealed").PLACES)
            engine.dispose()
        except SettingsError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
            sys.stderr.write(f"{name}: its database cannot be read: {reason}. Nothing was changed.\n")
            return 2
        for key in [*keys, *sorted(set(found) - set(keys))]:
            places = ", ".join(f"{count} in {place}" for place, count in found.get(key, {}).items()) or "nothing is sealed under it"
            role = "seals" if key in keys[:1] else "opens" if key in keys else "MISSING in the settings"
            sys.stdout.write(f"{name:<11} {key:<16} {role:<6} {places}\n")
    return 0
