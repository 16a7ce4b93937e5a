"""Which keys a database is sealed under, and whether a process has them: asked once at start, and by `python -m ops key-usage`.

A service's room `sealed.py` says where its sealed values lie, as `Places`. Values begin with the id of their key (seal.py).
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from libs.common.contracts.errors import Fatal
from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher
from libs.common.database.engine import is_unavailable, run

NO_SUCH_TABLE = "42P01"
T = TypeVar("T")


class WrongKeys(Fatal):
    """The keys in the settings are not those the database was filled with. Nothing was read or written with them."""

    code = "keys.wrong"


@dataclass(frozen=True)
class EncryptedColumns:
    """Where a service keeps sealed values, as complete queries.

    `samples` gives columns (sealed, field, row_id), at least one row for every key id a batch was sealed under, quickly enough for
    a start. `everything` maps a place's name to a query of one column with all its values; '' and what is not sealed may be among them.
    """

    samples: str
    everything: Mapping[str, str]


@dataclass(frozen=True)
class EncryptedSample:
    """A sealed value and what it is bound to."""

    sealed: str
    field: str
    row_id: str

    @property
    def key_id(self) -> str:
        """The key it is sealed under."""
        return self.sealed.partition(".")[0]


def key_problem(service: str, sealer: FieldCipher, samples: list[EncryptedSample]) -> str:
    """What is wrong with these keys, in one sentence; '' if every sample opens. Pure."""
    setting = f"PAYDOWN_{service.upper()}_SEAL_KEYS"
    missing = sorted({sample.key_id for sample in samples} - set(sealer.keys))
    if missing:
        return (
            f"{service} cannot start: its database holds values sealed under {', '.join(missing)}, which {setting} does not have; put the key back at the "
            f"end of the list (docs/runbooks/keys.md). No money is affected."
        )
    for sample in samples:
        try:
            sealer.open(sample.sealed, sample.field, sample.row_id)
        except DecryptionFailed:
            return (
                f"{service} cannot start: the key named {sample.key_id} in {setting} is not the one its database was sealed with; give the one that was "
                f"(docs/runbooks/keys.md). No money is affected."
            )
    return ""


def read_samples(connection: Connection, places: EncryptedColumns) -> list[EncryptedSample]:
    """At most one value for each key id."""
    rows = run(
        connection,
        f"SELECT DISTINCT ON (split_part(sealed, '.', 1)) sealed, field, row_id FROM ({places.samples}) AS s "  # noqa: S608 - a service's own
        "WHERE sealed <> '' ORDER BY split_part(sealed, '.', 1)",
    )
    return [EncryptedSample(row.sealed, row.field, row.row_id) for row in rows]


def check(engine: Engine, service: str, places: EncryptedColumns, sealer: FieldCipher) -> None:
    """Refuse keys that do not open what the database holds. A database that is empty or not migrated yet takes any.

    Raises:
        WrongKeys: with one sentence.
        SQLAlchemyError: it could not be asked.
    """
    said = key_problem(
        service,
        sealer,
        ask_if_migrated(engine, lambda connection: read_samples(connection, places)),
    )
    if said:
        raise WrongKeys(said)


def ask_if_migrated(engine: Engine, question: Callable[[Connection], list[T]]) -> list[T]:
    """What a database answers; nothing if it has not the tables yet."""
    try:
        with engine.connect() as connection:
            return question(connection)
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) == NO_SUCH_TABLE:
            return []
        raise


def exit_on_wrong_keys(check: Callable[[], None]) -> None:
    """Make a check when a service starts: one sentence on stderr and exit code 2 if it fails. A database that is away is waited for later."""
    try:
        check()
    except WrongKeys as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except SQLAlchemyError as error:
        if not is_unavailable(error):
            raise


def key_usage(connection: Connection, places: EncryptedColumns) -> dict[str, dict[str, int]]:
    """{key id: {place: values sealed under it}}; reads everything, so it may take minutes."""
    found: dict[str, dict[str, int]] = {}
    for place, query in places.everything.items():
        for row in run(
            connection,
            f"SELECT split_part(v, '.', 1) AS key_id, count(*) AS n FROM ({query}) AS s(v) "  # noqa: S608 - as above
            r"WHERE v ~ '^[^.{]+\.' GROUP BY 1 ORDER BY 1",
        ):
            found.setdefault(row.key_id, {})[place] = row.n
    return found
