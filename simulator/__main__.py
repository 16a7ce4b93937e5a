"""`python -m simulator`: the provider's stand-in on 127.0.0.1, until it gets SIGTERM."""

import sys

from libs.common.runtime.http_server import QuietServer
from libs.common.runtime.settings import read_or_exit
from simulator.app import App
from simulator.engine import ProviderEngine
from simulator.server import config
from simulator.settings import SimulatorSettings
from simulator.state import Policy
from simulator.storage import StorageError


def main() -> int:
    """Serve until SIGTERM. Exit code 2 if the settings or the storage cannot be used."""
    settings = read_or_exit(SimulatorSettings)
    policy = Policy(
        settings.zip_check,
        settings.duplicate_entities == "reject",
        settings.duplicate_accounts == "existing",
        settings.nsf_limit,
    )
    try:
        engine = ProviderEngine(
            settings.books,
            settings.profile,
            policy,
            settings.seed,
            int(settings.key_retention_s * 1000),
        )
    except StorageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the person who started it
        return 2
    server = QuietServer(
        config(App(engine, settings.key_mismatch), settings.port, settings.log_level, settings.host)
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
