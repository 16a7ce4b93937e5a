"""Copies of the local stack's databases and uploads, and the way back: python -m devtools.stack.backup save|restore FOLDER [service …].

A copy is taken while the system runs: each database as of one moment, each of its own. The keys are not in it (keep `keys.json` apart),
nor is Kafka: what a database has said since lies there, and is taken back from there after a restore.
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
from devtools.stack import environment, postgres
from devtools.stack.local_stack import Stack
from libs.common.database.engine import run
from libs.common.recovery import quarantine
from ops import provision
from ops.errors import Problem, exit_code
from ops.local_secrets import Keys, write_private

FORMAT = 1
MANIFEST = "manifest.json"
DECIDING = (
    "ingest",
    "dispatcher",
    "ledger",
)  # whose databases are held until two people release them
Say = Callable[[str], object]


def save(stack: Stack, folder: Path, say: Say = print) -> None:
    """Copy every database and the uploads of a stack that is up into a new folder, which is there whole or not at all.

    Raises:
        Problem: the folder exists, or a database cannot be copied.
    """
    if folder.exists():
        raise Problem(f"{folder} exists already; name a new folder for each copy")
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    uploads = draft / "files"
    kept: dict[str, dict[str, Any]] = {}
    _copy(stack.state / "files", uploads)
    for service in environment.SERVICES:
        name, file = provision.Names.of(service, stack.prefix).database, draft / f"{service}.dump"
        _tool(stack, "pg_dump", name, "--format=custom", "--file", str(file))
        file.chmod(0o600)
        kept[service] = {"sha256": _digest(file), "bytes": file.stat().st_size}
        say(f"{service}: {file.stat().st_size:,} bytes")
    _copy(stack.state / "files", uploads)  # again: a batch that came in meanwhile has its file too
    manifest = {
        "format": FORMAT,
        "taken_at": datetime.now(UTC).isoformat(),
        "databases": kept,
        "keys": fingerprints(stack.state),
    }
    write_private(draft / MANIFEST, json.dumps(manifest, indent=1))
    draft.rename(folder)
    say(
        f"copied to {folder}. The keys are not in it: keep {stack.state / 'keys.json'} in another place, without it the copy cannot be read."
    )


def restore(
    stack: Stack, folder: Path, services: Sequence[str] = environment.SERVICES, say: Say = print
) -> None:
    """Put databases of a stack that is down back to a copy, and mark them so that nothing is decided on them before two people have looked.

    All are read back beside the present ones first; only then they take their places, one after the other. Kafka stays as it is.

    Raises:
        Problem: the stack is up, the copy is not whole or made under other keys, or a database cannot be read back; nothing was changed.
    """
    manifest = _checked(stack, folder, services)
    why = f"It was restored from the copy of {manifest['taken_at'][:16].replace('T', ' ')} UTC; what has happened since must be taken back first."
    with stack.server_alone():
        for service in services:
            _read_back(stack, folder / f"{service}.dump", service, why)
            say(f"{service}: read back")
        for service in services:
            _take_place(stack, service)
    if "ingest" in services and (folder / "files").exists():
        _copy(folder / "files", stack.state / "files")
    say(
        f"restored: {', '.join(services)}. Start it with `make up`; {', '.join(s for s in services if s in DECIDING) or 'nothing'} will be held until an "
        "operator or approver and then an approver release it under Operations. Sign-ins and API tokens of the copy are void."
    )


def fingerprints(state: Path) -> dict[str, str]:
    """Which keys a stack has, by digests that say nothing of them: `seal:<id>` and `index`."""
    keys = Keys.kept_in(state)
    named = {
        f"seal:{name}": key
        for name, key in (part.split(":", 1) for part in keys.seal_keys.split(","))
    } | {"index": keys.index_key}
    return {name: hashlib.sha256(key.encode()).hexdigest()[:16] for name, key in named.items()}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _checked(stack: Stack, folder: Path, services: Sequence[str]) -> dict[str, Any]:
    unknown = sorted(set(services) - set(environment.SERVICES))
    if unknown:
        raise Problem(
            f"no service {', '.join(unknown)}; there are {', '.join(environment.SERVICES)}"
        )
    if stack.is_up():
        raise Problem(
            "the system is up; stop it with `make down` before its databases are replaced"
        )
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise Problem(
                f"{folder} is a copy of another form ({manifest['format']}); restore it with the version that made it"
            )
        for service in services:
            if _digest(folder / f"{service}.dump") != manifest["databases"][service]["sha256"]:
                raise Problem(
                    f"{folder / service}.dump is not the file that was saved; take another copy"
                )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(
            f"{folder} is no copy that can be restored: {type(error).__name__} at {getattr(error, 'filename', None) or MANIFEST}"
        ) from None
    ours = fingerprints(stack.state)
    missing = sorted(name for name, digest in manifest["keys"].items() if ours.get(name) != digest)
    if missing:
        raise Problem(
            f"the copy was made under other keys ({', '.join(missing)}): put the keys.json that was kept for it to {stack.state / 'keys.json'}"
        )
    return manifest


def _read_back(stack: Stack, dump: Path, service: str, why: str) -> None:
    """A copy into a database beside the present one, marked."""
    admin, secret = stack.admin_url(), Keys.kept_in(stack.state).database_secret
    provision.create(
        admin, service, stack.prefix, secret
    )  # its roles may be missing on a new machine
    names = provision.Names.of(service, stack.prefix)
    _orders(
        admin,
        f'DROP DATABASE IF EXISTS "{names.database}_back" WITH (FORCE)',
        f'CREATE DATABASE "{names.database}_back" OWNER "{names.owner_role}" TEMPLATE template0 ENCODING \'UTF8\'',
    )
    _tool(stack, "pg_restore", f"{names.database}_back", "--exit-on-error", str(dump))
    engine = create_engine(_url(admin, f"{names.database}_back"))
    with engine.begin() as connection:
        if service in DECIDING:
            if run(connection, "SELECT to_regclass('restored')").scalar() is None:
                raise Problem(
                    f"{dump} was made by an older version, whose messages cannot be taken back: docs/runbooks/restore.md says what to do"
                )
            quarantine.start(connection, why)
        if service == "gateway":
            run(connection, "DELETE FROM session")
            run(
                connection,
                "UPDATE api_token SET revoked_at = now(), revoked_by = 'restore' WHERE revoked_at IS NULL",
            )
    engine.dispose()


def _take_place(stack: Stack, service: str) -> None:
    admin, names = stack.admin_url(), provision.Names.of(service, stack.prefix)
    _orders(
        admin,
        f'DROP DATABASE IF EXISTS "{names.database}" WITH (FORCE)',
        f'ALTER DATABASE "{names.database}_back" RENAME TO "{names.database}"',
    )
    provision.create(
        admin, service, stack.prefix, Keys.kept_in(stack.state).database_secret
    )  # who may connect is not in a copy


def _orders(admin_url: str, *statements: str) -> None:
    engine = create_engine(_url(admin_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _url(admin_url: str, database: str = "") -> str:
    parts = urlsplit(admin_url)
    return parts._replace(
        scheme="postgresql+psycopg2", path=f"/{database}" if database else parts.path
    ).geturl()


def _tool(stack: Stack, tool: str, database: str, *arguments: str) -> None:
    """pg_dump or pg_restore of the newest PostgreSQL here, as the administrator; the password is in its environment only."""
    parts = urlsplit(stack.admin_url())
    command = [
        str(postgres.choose_binaries(stack.state / "no-data") / tool),
        "--host",
        parts.hostname or "127.0.0.1",
        "--port",
        str(parts.port or 5432),
        "--username",
        unquote(parts.username or ""),
        "--no-password",
        "--dbname",
        database,
        *arguments,
    ]
    made = subprocess.run(
        command,
        env={**os.environ, "PGPASSWORD": unquote(parts.password or "")},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise Problem(
            f"{tool} of {database} failed: {(made.stderr.strip().splitlines() or ['it said nothing'])[-1]}"
        )


def _copy(source: Path, target: Path) -> None:
    """Files that are not there yet; none is replaced, a file of an upload never changes."""
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.iterdir()) if source.exists() else ():
        if file.is_file() and not (target / file.name).exists():
            shutil.copy2(file, target / file.name)
            (target / file.name).chmod(0o600)


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    match arguments:
        case ["save", folder]:
            save(Stack.started(paths.UP), Path(folder))
        case ["restore", folder, *services]:
            restore(Stack(paths.UP), Path(folder), services or environment.SERVICES)
        case _:
            raise Problem(
                "usage: python -m devtools.stack.backup save FOLDER | restore FOLDER [service …]"
            )
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
