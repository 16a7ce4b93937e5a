"""Frozen snapshots of every service's schema, one for each revision: a revision never changes.

`python -m devtools.schema_snapshots [--check]`

Upgrades an empty database of each service step by step, and compares the schema after each
revision with `tests/migrations/<service>/<revision>.txt`. A missing snapshot is written; one that
is there is never rewritten (delete it while its revision is not released). Exit code 1 if a schema
differs from its snapshot, with --check also if one is missing. It uses the server of
PAYDOWN_TEST_POSTGRES_URL, else one of its own.
"""

import argparse
import difflib
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, create_engine, pool

from devtools import paths, schema_catalog, test_servers
from libs.common.database import migrate
from ops import provision

FOLDER = paths.ROOT / "tests" / "migrations"
SERVICES = sorted(path.parent.name for path in paths.ROOT.glob("services/*/migrations"))


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations."""
    return paths.ROOT / "services" / service / "migrations"


def snapshot_of(service: str, revision: str) -> Path:
    """The file that holds the schema after a revision."""
    return FOLDER / service / f"{revision}.txt"


def schema(owner_url: str) -> str:
    """The schema of a service's database as text, read as the role that owns it."""
    engine = create_engine(owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        return describe(connection, owner_of(owner_url))


def owner_of(owner_url: str) -> str:
    """The role that owns the schema, as ops/provision.py names it."""
    return urlsplit(owner_url).username or ""


def describe(connection: Connection, owner: str) -> str:
    """The schema as an open transaction sees it."""
    return schema_catalog.describe(connection, owner, owner.removesuffix("_owner"))


def steps(owner_url: str, migrations: Path) -> Iterator[tuple[str, str]]:
    """Upgrade a database revision by revision: (revision, the schema after it)."""
    for revision in migrate.history(migrations):
        migrate.upgrade(owner_url, migrations, revision)
        yield revision, schema(owner_url)


def difference(service: str, revision: str, found: str) -> str:
    """How a schema differs from its frozen snapshot, as a diff; "" if it does not."""
    file = snapshot_of(service, revision)
    lines = difflib.unified_diff(
        file.read_text(encoding="utf-8").splitlines(),
        found.splitlines(),
        f"{file.relative_to(paths.ROOT)}",
        f"{service} upgraded to {revision}",
        lineterm="",
    )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write what is missing, and compare what is there; 0 or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.schema_snapshots",
        description=__doc__.splitlines()[0] if __doc__ else "",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if one is missing"
    )
    only_check = parser.parse_args(arguments).check
    wrong = 0
    with _server() as admin_url:
        for service in SERVICES:
            with _database(admin_url, service) as owner_url:
                for revision, found in steps(owner_url, migrations_of(service)):
                    wrong += not _settle(service, revision, found, only_check=only_check)
    print("every schema is as its snapshot says" if not wrong else f"{wrong} snapshots differ")
    return 1 if wrong else 0


def _settle(service: str, revision: str, found: str, *, only_check: bool) -> bool:
    """Compare a schema with its snapshot, or write a missing one; whether all is well."""
    file = snapshot_of(service, revision)
    if file.exists():
        differs = difference(service, revision, found)
        if differs:
            print(differs)
        return not differs
    if only_check:
        print(f"missing: {file.relative_to(paths.ROOT)}")
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(found, encoding="utf-8")
    print(f"written: {file.relative_to(paths.ROOT)}")
    return True


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("PAYDOWN_TEST_POSTGRES_URL")
    if given:
        yield given
    else:
        with test_servers.temporary_postgres() as url:
            yield url


@contextmanager
def _database(admin_url: str, service: str) -> Iterator[str]:
    """A new, empty database of a service, as its owner; dropped at the end."""
    prefix = f"snapshot_{uuid.uuid4().hex[:10]}"
    _, owner_url = provision.create(admin_url, service, prefix)
    try:
        yield owner_url
    finally:
        provision.drop(admin_url, service, prefix)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
