"""What the containers need beside the services: `python -m ops.containers secrets FOLDER | rotate FOLDER add|use | databases | health`.

docker-compose.yml calls it.

    secrets    make every secret once, one folder per container below FOLDER; what is there already stays
    rotate     make a step of a new seal key in those files (docs/runbooks/keys.md)
    databases  make the databases and roles where they are missing (DATABASE_URL_FILE, DATABASE_SECRET_FILE)
    health     0 if HEALTH_URL answers 200, or is not set
"""

import os
import sys
import time
import urllib.request
from pathlib import Path

from ops.errors import CommandError, exit_code
from ops.local_secrets import Keys, rotate, write_private

SECRET_NAMES = (
    "DATABASE_URL",
    "INTERNAL_TOKEN",
    "SEAL_KEYS",
    "INDEX_KEY",
    "PROVIDER_KEY",
    "WEBHOOK_SECRET",
    "SECRET",
)
ADMIN = "paydown_admin"
WAIT_S = 60.0


def secrets(folder: Path) -> int:
    """Write the secrets, each where only its container sees it. A second call changes nothing that is there.

    Raises:
        CommandError: the folder cannot be written.
    """
    from devtools.stack import environment as variables  # noqa: PLC0415 - `health` runs every three seconds and needs none of them
    from devtools.stack.ports import Ports  # noqa: PLC0415
    from ops import provision as databases  # noqa: PLC0415

    postgres = os.environ.get("POSTGRES_AT", "postgres:5432")
    try:
        (folder / "keys").mkdir(exist_ok=True)
        keys = Keys.kept_in(folder / "keys")
        admin = f"postgresql://{ADMIN}:{keys.database_secret}@{postgres}/postgres"
        urls = {
            name: databases.urls(admin, name, "paydown", keys.database_secret)
            for name in variables.SERVICES
        }
        table = variables.table(variables.Facts(Path("/nowhere"), Ports(), keys, urls))
        _keep(folder / "postgres", {"password": keys.database_secret})
        _keep(
            folder / "databases", {"database_url": admin, "database_secret": keys.database_secret}
        )
        _keep(folder / "migrate", {f"{name}_owner_url": owner for name, (_, owner) in urls.items()})
        for name in variables.SERVICES:
            prefix = f"PAYDOWN_{name.upper()}_"
            _keep(
                folder / name,
                {
                    key.removeprefix(prefix).lower(): value
                    for key, value in table[name].items()
                    if key.removeprefix(prefix) in SECRET_NAMES
                },
            )
    except OSError as error:
        raise CommandError(f"the secrets cannot be written to {folder}: {error.strerror}") from None
    return 0


def rotate_keys(folder: Path, step: str) -> int:
    """Make a step of a rotation in `keys`, and give its seal keys to each container that has any. A second call of the same step changes nothing.

    Raises:
        CommandError: there are no keys, or the folder cannot be written.
    """
    from devtools.stack import environment as variables  # noqa: PLC0415 - as above

    made = rotate(step, folder / "keys" / "keys.json")
    try:
        for name in variables.SEALED:
            file = folder / name / "seal_keys"
            write_private(
                file, made.keys
            )  # also if nothing changed: a call that was interrupted is completed by the next
            file.chmod(0o444)
    except OSError as error:
        raise CommandError(
            f"the seal keys cannot be written to {folder}: {error.strerror}; repeat the command"
        ) from None
    print(made.says)
    return 0


def _keep(folder: Path, values: dict[str, str]) -> None:
    """One file a secret. The folder is a volume of its own that only its container has, so the files need no owner."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name, value in values.items():
        if not (folder / name).exists():
            write_private(folder / name, value)
            (folder / name).chmod(0o444)


def make_databases() -> int:
    """Make the databases and roles of all services on a server that may still be starting.

    Raises:
        CommandError: a secret is missing, or the server cannot be used within a minute.
    """
    from devtools.stack import environment as variables  # noqa: PLC0415 - as above
    from ops import provision as databases  # noqa: PLC0415

    url, secret = (_secret(name) for name in ("DATABASE_URL_FILE", "DATABASE_SECRET_FILE"))
    until = time.monotonic() + WAIT_S
    while not databases.answers(url) and time.monotonic() < until:
        time.sleep(0.5)
    databases.check(url)
    for service in variables.SERVICES:
        databases.create(url, service, "paydown", secret)
    return 0


def _secret(name: str) -> str:
    try:
        return Path(os.environ[name]).read_text().strip()
    except KeyError:
        raise CommandError(f"{name} is not set: it names the file with the secret") from None
    except OSError as error:
        raise CommandError(f"{name} names a file that cannot be read: {error.strerror}") from None


def healthy() -> bool:
    """Whether the service of this container is ready."""
    url = os.environ.get("HEALTH_URL", "")
    if not url:
        return True
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - the compose file wrote the address
            return bool(answer.status == 200)
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Exit code 0, 1 if not healthy, 2 when something is missing."""
    match arguments:
        case ["secrets", folder]:
            return exit_code(lambda: secrets(Path(folder)))
        case ["rotate", folder, ("add" | "use") as step]:
            return exit_code(lambda: rotate_keys(Path(folder), step))
        case ["databases"]:
            return exit_code(make_databases)
        case ["health"]:
            return 0 if healthy() else 1
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
