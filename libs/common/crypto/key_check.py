"""Check that a process has the keys its database is encrypted under.

It is done once at start, and by `python -m ops key-usage`. A service's `key_check.py` says where
its encrypted values are, as `EncryptedColumns`. Each value begins with the id of its key.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from libs.common.contracts.errors import Fatal
from libs.common.crypto.field_encryption import (
    DecryptionFailed,
    FieldCipher,
    Forgotten,
    key_id_of,
)
from libs.common.database.engine import is_unavailable, run

UNDEFINED_TABLE = "42P01"
#: The key id of a value, which begins with `<key id>.` or `<key id>~<place of a person>.`.
_KEY_ID = "split_part(split_part({}, '.', 1), '~', 1)"
T = TypeVar("T")


class WrongKeys(Fatal):
    """The keys in the settings are not those of the database. They were used for nothing."""

    code = "keys.wrong"


@dataclass(frozen=True)
class EncryptedColumns:
    """Where a service keeps encrypted values.

    Args:
        samples: a query of columns (sealed, field, row_id) with at least one row for every key
            in use, fast enough for a start.
        everything: a name for each place, and a query of one column with all its values. Empty
            and unencrypted values may be among them.
    """

    samples: str
    everything: Mapping[str, str]


@dataclass(frozen=True)
class EncryptedSample:
    """An encrypted value, and the field and row it is bound to."""

    encrypted: str
    field: str
    row_id: str

    @property
    def key_id(self) -> str:
        """The key it is encrypted under."""
        return key_id_of(self.encrypted)


def key_problem(service: str, cipher: FieldCipher, samples: list[EncryptedSample]) -> str:
    """What is wrong with the keys, in one sentence; "" if they decrypt every sample. Pure."""
    setting = f"PAYDOWN_{service.upper()}_SEAL_KEYS"
    missing = sorted({sample.key_id for sample in samples} - set(cipher.keys))
    if missing:
        return (
            f"{service} cannot start: its database holds values sealed under "
            f"{', '.join(missing)}, which {setting} does not have; put the key back at the end "
            "of the list (docs/runbooks/keys.md). No money is affected."
        )
    for sample in samples:
        try:
            cipher.decrypt(sample.encrypted, sample.field, sample.row_id)
        except Forgotten:
            continue  # this key knows that it destroyed the person's: it is the right one
        except DecryptionFailed:
            return (
                f"{service} cannot start: the key named {sample.key_id} in {setting} is not the "
                "one its database was sealed with; give the one that was "
                "(docs/runbooks/keys.md). No money is affected."
            )
    return ""


def read_samples(connection: Connection, columns: EncryptedColumns) -> list[EncryptedSample]:
    """One value for each key id in use."""
    rows = run(
        connection,
        f"""
        SELECT DISTINCT ON ({_KEY_ID.format("sealed")})
               sealed, field, row_id
        FROM ({columns.samples}) AS s
        WHERE sealed <> ''
        ORDER BY {_KEY_ID.format("sealed")}""",  # noqa: S608 - a query of the service's own
    )
    return [EncryptedSample(row.sealed, row.field, row.row_id) for row in rows]


def check(engine: Engine, service: str, columns: EncryptedColumns, cipher: FieldCipher) -> None:
    """Refuse keys that do not decrypt what the database holds.

    A database that is empty or not migrated yet accepts any keys.

    Raises:
        WrongKeys: with one sentence.
        SQLAlchemyError: the database could not be read.
    """
    samples = ask_if_migrated(engine, lambda connection: read_samples(connection, columns))
    problem = key_problem(service, cipher, samples)
    if problem:
        raise WrongKeys(problem)


def ask_if_migrated(engine: Engine, question: Callable[[Connection], list[T]]) -> list[T]:
    """The answer of a database; empty if it does not have the tables yet."""
    try:
        with engine.connect() as connection:
            return question(connection)
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) == UNDEFINED_TABLE:
            return []
        raise


def exit_on_wrong_keys(check: Callable[[], None]) -> None:
    """Run a check when a service starts.

    If it fails, write one sentence to stderr and exit with code 2. A database that is away is
    waited for later.
    """
    try:
        check()
    except WrongKeys as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except SQLAlchemyError as error:
        if not is_unavailable(error):
            raise


def key_usage(connection: Connection, columns: EncryptedColumns) -> dict[str, dict[str, int]]:
    """How many values are encrypted under each key: {key id: {place: count}}.

    It reads everything, so it may take minutes.
    """
    found: dict[str, dict[str, int]] = {}
    for place, query in columns.everything.items():
        rows = run(
            connection,
            rf"""
            SELECT {_KEY_ID.format("v")} AS key_id, count(*) AS n
            FROM ({query}) AS s(v)
            WHERE v ~ '^[^.{{]+\.'
            GROUP BY 1
            ORDER BY 1""",  # noqa: S608 - a query of the service's own
        )
        for row in rows:
            found.setdefault(row.key_id, {})[place] = row.n
    return found
