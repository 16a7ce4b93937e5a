"""Copies of the local stack's databases and uploads, and how to put them back.

    python -m devtools.stack.backup save FOLDER
    python -m devtools.stack.backup restore FOLDER [SERVICE …]

A copy is taken while the system runs: each database as of one moment, each of its own. It does not
hold the keys (keep `keys.json` apart), nor Kafka: what a database published after the copy is on
the topics, and its service takes it back from there after a restore.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import create_engine

from devtools import paths
from devtools.stack import postgres
from devtools.stack.stack import Stack
from libs.common.crypto.field_encryption import named_keys
from libs.common.database.engine import run
from libs.common.recovery import quarantine
from ops import provision
from ops.errors import CommandError, exit_code
from ops.private_files import write_private
from ops.secret_files import Secrets
from services import catalog

FORMAT = 1
MANIFEST = "manifest.json"
BESIDE = "_back"  # ends the name of a database that is restored and not in use yet
USAGE = "usage: python -m devtools.stack.backup save FOLDER | restore FOLDER [SERVICE …]"
Say = Callable[[str], object]


def save(stack: Stack, folder: Path, say: Say = print) -> None:
    """Copy every database and the uploads of a stack that is up into a new folder.

    The folder is there whole or not at all.

    Raises:
        CommandError: the folder exists, or a database cannot be copied.
    """
    if folder.exists():
        raise CommandError(f"{folder} exists already; name a new folder for each copy")
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    _copy_missing(stack.state / "files", draft / "files")
    databases: dict[str, dict[str, Any]] = {}
    for service in catalog.NAMES:
        name, file = provision.Names.of(service, stack.prefix).database, draft / f"{service}.dump"
        _run_tool(stack, "pg_dump", name, "--format=custom", "--file", str(file))
        file.chmod(0o600)
        databases[service] = {"sha256": _digest(file), "bytes": file.stat().st_size}
        say(f"{service}: {file.stat().st_size:,} bytes")
    # again: a batch that was uploaded meanwhile has its file too
    _copy_missing(stack.state / "files", draft / "files")
    manifest = {
        "format": FORMAT,
        "taken_at": datetime.now(UTC).isoformat(),
        "databases": databases,
        "keys": key_fingerprints(stack.state),
    }
    write_private(draft / MANIFEST, json.dumps(manifest, indent=1))
    draft.rename(folder)
    say(
        f"copied to {folder}. The keys are not in it: keep {stack.state / 'keys.json'} "
        f"in another place, without it the copy cannot be read."
    )


def restore(
    stack: Stack, folder: Path, services: Sequence[str] = catalog.NAMES, say: Say = print
) -> None:
    """Replace databases of a stack that is down by those of a copy, and quarantine them.

    All are loaded beside the present ones first. Only then they take their places, one after the
    other. Kafka stays as it is.

    Raises:
        CommandError: the stack is up, the copy is not whole or made under other keys, or a database
            cannot be loaded; nothing was changed.
    """
    manifest = _checked_manifest(stack, folder, services)
    why = (
        f"It was restored from the copy of {manifest['taken_at'][:16].replace('T', ' ')} UTC; "
        f"what happened since must be recovered first."
    )
    with stack.only_postgres():
        for service in services:
            load_beside(stack, folder / f"{service}.dump", service, why)
            say(f"{service}: loaded")
        for service in services:
            replace_database(stack, service)
    if "ingest" in services and (folder / "files").exists():
        _copy_missing(folder / "files", stack.state / "files")
    quarantined = [service for service in services if service in catalog.QUARANTINABLE]
    say(
        f"restored: {', '.join(services)}. Start it with `make up`; "
        f"{', '.join(quarantined) or 'nothing'} will be quarantined until an operator or approver "
        f"and then an approver release it under Operations. "
        f"Sign-ins and API tokens of the copy are void."
    )


def key_fingerprints(state: Path) -> dict[str, str]:
    """Which keys a stack has, by digests that reveal nothing of them: `seal:<id>` and `index`.

    A key stays the same key when a person's was destroyed.
    """
    secrets = Secrets.load_or_create(state)
    keys = {f"seal:{key_id}": key for key_id, key in named_keys(secrets.seal_keys).items()}
    keys |= {"index": secrets.index_key}
    return {name: hashlib.sha256(key.encode()).hexdigest()[:16] for name, key in keys.items()}


def load_beside(stack: Stack, dump: Path, service: str, why: str) -> None:
    """Load a copy into a database beside the present one, and quarantine it.

    Raises:
        CommandError: it cannot be loaded, or it has no place for the mark.
    """
    admin, secret = stack.admin_url(), Secrets.load_or_create(stack.state).database_secret
    provision.create(admin, service, stack.prefix, secret)  # a new machine lacks its roles
    names = provision.Names.of(service, stack.prefix)
    beside = f"{names.database}{BESIDE}"
    execute(
        admin,
        f'DROP DATABASE IF EXISTS "{beside}" WITH (FORCE)',
        f'CREATE DATABASE "{beside}" OWNER "{names.owner_role}" '
        f"TEMPLATE template0 ENCODING 'UTF8'",
    )
    _run_tool(stack, "pg_restore", beside, "--exit-on-error", str(dump))
    engine = create_engine(database_url(admin, beside))
    with engine.begin() as connection:
        if service in catalog.QUARANTINABLE:
            if run(connection, "SELECT to_regclass('restored')").scalar() is None:
                raise CommandError(
                    f"{dump} was made by an older version, whose messages cannot be recovered: "
                    f"docs/runbooks/restore.md says what to do"
                )
            quarantine.start(connection, why)
        if service == "gateway":
            run(connection, "DELETE FROM session")
            run(
                connection,
                """
                UPDATE api_token
                SET revoked_at = now(), revoked_by = 'restore'
                WHERE revoked_at IS NULL""",
            )
    engine.dispose()


def replace_database(stack: Stack, service: str) -> None:
    """Put the database that was loaded beside the present one in its place."""
    admin, names = stack.admin_url(), provision.Names.of(service, stack.prefix)
    execute(
        admin,
        f'DROP DATABASE IF EXISTS "{names.database}" WITH (FORCE)',
        f'ALTER DATABASE "{names.database}{BESIDE}" RENAME TO "{names.database}"',
    )
    secret = Secrets.load_or_create(stack.state).database_secret
    provision.create(admin, service, stack.prefix, secret)  # a copy lacks who may connect


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    engine = create_engine(database_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def database_url(url: str, database: str = "") -> str:
    """The address of a server for SQLAlchemy, with another database if one is named."""
    parts = urlsplit(url)
    path = f"/{database}" if database else parts.path
    return parts._replace(scheme="postgresql+psycopg2", path=path).geturl()


def _checked_manifest(stack: Stack, folder: Path, services: Sequence[str]) -> dict[str, Any]:
    unknown = sorted(set(services) - set(catalog.NAMES))
    if unknown:
        raise CommandError(f"no service {', '.join(unknown)}; there are {', '.join(catalog.NAMES)}")
    if stack.is_up():
        raise CommandError(
            "the system is up; stop it with `make down` before its databases are replaced"
        )
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise CommandError(
                f"{folder} is a copy of another format ({manifest['format']}); "
                f"restore it with the version that made it"
            )
        for service in services:
            if _digest(folder / f"{service}.dump") != manifest["databases"][service]["sha256"]:
                raise CommandError(
                    f"{folder / service}.dump is not the file that was saved; take another copy"
                )
    except (OSError, ValueError, KeyError, TypeError) as error:
        where = getattr(error, "filename", None) or MANIFEST
        raise CommandError(
            f"{folder} is no copy that can be restored: {type(error).__name__} at {where}"
        ) from None
    ours = key_fingerprints(stack.state)
    missing = sorted(name for name, digest in manifest["keys"].items() if ours.get(name) != digest)
    if missing:
        raise CommandError(
            f"the copy was made under other keys ({', '.join(missing)}): "
            f"put the keys.json that was kept for it to {stack.state / 'keys.json'}"
        )
    return manifest


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _run_tool(stack: Stack, tool: str, database: str, *arguments: str) -> None:
    """Run pg_dump or pg_restore of the newest PostgreSQL here, as the administrator.

    The password is only in its environment.
    """
    parts = urlsplit(stack.admin_url())
    binaries = postgres.choose_binaries(stack.state / "no-data")
    address = ["--host", parts.hostname or "127.0.0.1", "--port", str(parts.port or 5432)]
    role = ["--username", unquote(parts.username or ""), "--no-password"]
    made = subprocess.run(
        [str(binaries / tool), *address, *role, "--dbname", database, *arguments],
        env={**os.environ, "PGPASSWORD": unquote(parts.password or "")},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        lines = made.stderr.strip().splitlines() or ["no output"]
        raise CommandError(f"{tool} of {database} failed: {lines[-1]}")


def _copy_missing(source: Path, target: Path) -> None:
    """Copy the files that are not there yet. None is replaced: an upload's file never changes.

    One that was removed meanwhile, because it was old, is left out.
    """
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.iterdir()) if source.exists() else ():
        if file.is_file() and not (target / file.name).exists():
            try:
                shutil.copy2(file, target / file.name)
            except FileNotFoundError:
                continue
            (target / file.name).chmod(0o600)


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    match arguments:
        case ["save", folder]:
            save(Stack.started(paths.UP), Path(folder))
        case ["restore", folder, *services]:
            restore(Stack(paths.UP), Path(folder), services or catalog.NAMES)
        case _:
            raise CommandError(USAGE)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
