"""`python -m ops forget EMPLOYEE_ID PATH --by NAME --reason TEXT`: forget a person.

The person's key is destroyed in the keys, so that every encrypted value is unreadable wherever it
lies: in databases, on topics, in copies of both. Ingest overwrites the clear copies in its own
database when it starts with these keys. Amounts and books stay (docs/runbooks/forget-a-person.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import SettingsError
from libs.common.contracts.money import dollars
from libs.common.crypto.field_encryption import destroy, place_of
from libs.common.crypto.key_check import WrongKeys
from libs.common.database.engine import connect, error_summary
from libs.common.recovery.republish import Refused, require_stopped
from libs.common.runtime.settings import read_one
from ops import rotate_keys
from ops.errors import CommandError
from services import catalog
from services.gateway.domain.audit_chain import AuditEntry, AuditKind
from services.gateway.store.audit import append_line
from services.ingest import key_check
from services.ingest.domain.batch import ENDED_UNAPPROVED
from services.ingest.encryption import FieldEncryption
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.store import forgotten_people as store

ENDED = (*ENDED_UNAPPROVED, "completed", "completed_with_failures", "archived", "cancelled")
NAMED_MAX = 5
PERSON_MAX, REASON_MAX = 100, 500
Say = Callable[[str], object]


@dataclass(frozen=True)
class Order:
    """Who is to be forgotten, and who wants it and why: both are kept in the audit log."""

    employee_id: str
    by: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What ingest's database has of a person: the places of the keys, and what will stay."""

    places: frozenset[str]
    without_place: int  # rows that are older than the keys of people
    kept: Any  # a row of the store


def forget(order: Order, path: Path, say: Say = print) -> None:
    """Forget a person, while ingest is stopped. A second call finds the same, and changes nothing.

    Args:
        path: a `keys.json`, a file with nothing but the keys, or the folder made by `secrets`.

    Raises:
        CommandError: ingest runs, nobody has this id, a payment of the person is under way, the
            keys have no keys of people, or something cannot be read or written.
    """
    _check(order)
    file = path / rotate_keys.KEYS_OF_FOLDER if path.is_dir() else path
    keys, everything = rotate_keys.read_file(file)
    try:
        encryption = FieldEncryption.parse(
            keys, read_one("ingest", "index_key", "it finds the person's key")
        )
        _require_keys_of_people(encryption)
        found = _find(order, encryption)
        _audit(order, "intent", None)
        left = destroy(keys, sorted(found.places))
        if left != keys:
            rotate_keys.write_file(file, left, everything)
        if path.is_dir():
            rotate_keys.give_to_containers(path, left)
        _audit(order, "outcome", 200)
    except (SettingsError, WrongKeys) as error:
        raise CommandError(str(error)) from None
    except SQLAlchemyError as error:
        raise CommandError(
            f"a database cannot be used: {error_summary(error)}. Repeat the command."
        ) from None
    for line in _report(order, found, changed=left != keys):
        say(line)


def _check(order: Order) -> None:
    """Refuse an order that names nobody who wants it, or no reason.

    Raises:
        CommandError: it does.
    """
    if not (order.by.strip() and len(order.by) <= PERSON_MAX):
        raise CommandError(f"--by names the administrator, in at most {PERSON_MAX} characters")
    if not (order.reason.strip() and len(order.reason) <= REASON_MAX):
        raise CommandError(f"--reason says why, in at most {REASON_MAX} characters")


def _require_keys_of_people(encryption: FieldEncryption) -> None:
    cipher = encryption.cipher
    if cipher.primary not in cipher.people:
        raise CommandError(
            f"the key {cipher.primary} is older than the keys of people, so nobody's can be "
            f"destroyed: make a new key first with `rotate-keys add`, a restart and "
            f"`rotate-keys use` (docs/runbooks/keys.md)"
        )


def _find(order: Order, encryption: FieldEncryption) -> Found:
    person_key = canonical_person(order.employee_id)
    engine = _engine("ingest")
    try:
        key_check.check(engine, encryption)  # with another index key it would be another person's
        with engine.connect() as connection:
            _require_ingest_stopped(connection)
            sealed = store.list_sealed(connection, person_key)
            if not sealed:
                raise CommandError(f"no roster names the employee {order.employee_id}")
            _require_ended(store.list_open_batches(connection, person_key, ENDED))
            kept = store.sum_kept(connection, person_key)
    finally:
        engine.dispose()
    places = {place_of(value) for value in sealed}
    return Found(
        frozenset(places - {""}) | {encryption.first_place(person_key)},
        sum(not place_of(value) for value in sealed),
        kept,
    )


def _require_ingest_stopped(connection: Any) -> None:
    try:
        require_stopped(connection, "ingest")
    except Refused:
        raise CommandError(
            "ingest is running and would encrypt with the key that is destroyed: stop it first"
        ) from None


def _require_ended(open_batches: Sequence[Any]) -> None:
    if open_batches:
        named = ", ".join(f"{one.batch_id} ({one.status})" for one in open_batches[:NAMED_MAX])
        raise CommandError(
            f"{len(open_batches)} batches with rows of this person have not ended: {named}. "
            f"Wait until they have, or discard them. Nothing was changed, and no money is affected."
        )


def _audit(order: Order, kind: AuditKind, status: int | None) -> None:
    """Add a line to the gateway's audit log."""
    entry = AuditEntry(
        at=datetime.now(UTC).isoformat(),
        kind=kind,
        request_id=str(uuid4()),
        person=order.by,
        roles=("admin",),
        method="FORGET",
        path="ops forget",
        status=status,
        subject=f"{order.employee_id}: {order.reason}",
        via="command line",
    )
    engine = _engine("gateway")
    try:
        with engine.begin() as connection:
            append_line(connection, entry)
    finally:
        engine.dispose()


def _engine(service: str) -> Engine:
    url = read_one(service, "database_url", "the command works on its database")
    return connect(url, f"forget-{service}", 1)


def _report(order: Order, found: Found, *, changed: bool) -> list[str]:
    """What was done, what stays and why, and what to do next."""
    kept, holders = found.kept, ", ".join(catalog.ENCRYPTING)
    done = "was destroyed" if changed else "had been destroyed before; nothing was changed"
    lines = [
        f"{order.employee_id}: the key {done}.",
        f"Now start ingest, and restart {holders} with these keys: until then they can decrypt.",
        (
            "Ingest overwrites the names in its database when it starts, and removes the uploaded "
            "files of these batches."
        ),
        "Destroy every older copy of the keys: with one of them the person can be read again.",
        (
            f"What stays, because books must be kept: {kept.rows} rows in {kept.batches} batches "
            f"for the periods {kept.first} to {kept.last}, {dollars(kept.cents)} USD. Of each: "
            "employee id, branch, institution, amount, dates, the last four digits of the loan, "
            "statuses, journals, and keyed digests by which a loan is not paid twice. The audit "
            "log stays."
        ),
        (
            "Not reached from here: what the provider has, reports that people have downloaded, "
            "names and uploaded files in older copies of ingest's database: delete those copies."
        ),
    ]
    if found.without_place:
        lines.append(
            f"{found.without_place} rows are older than the keys of people: their values stay "
            f"readable on topics and in databases to whoever has the keys."
        )
    return lines
