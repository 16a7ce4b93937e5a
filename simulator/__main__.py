"""`python -m simulator`: the provider's stand-in on 127.0.0.1, until it is told to stop."""

import sys

import uvicorn

from libs.common.runtime.settings import read_or_exit
from simulator.app import App
from simulator.engine import Provider
from simulator.server import config
from simulator.settings import SimulatorSettings
from simulator.state import Policy
from simulator.storage import BooksError


def main() -> int:
    """Read the settings, open the books, serve; 2 when one of the first two is not usable."""
    settings = read_or_exit(SimulatorSettings)
    policy = Policy(
        settings.zip_check,
        settings.duplicate_entities == "reject",
        settings.duplicate_accounts == "existing",
        settings.nsf_limit,
    )
    try:
        provider = Provider(settings.books, settings.profile, policy, settings.seed)
    except BooksError as error:
        print(error, file=sys.stderr)  # noqa: T201 - one sentence for who started it
        return 2
    server = uvicorn.Server(
        config(
            App(provider, settings.key_mismatch), settings.port, settings.log_level, settings.host
        )
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
