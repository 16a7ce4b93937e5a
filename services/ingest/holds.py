"""Standing holds: setting one, lifting one, and the open batches that are checked again for it.

Setting a hold and approving a batch wait for each other, so that an approval either was before the
hold, or sees it and is refused. Batches are checked again afterwards, each in a transaction of its
own, because an approval locks its batch first; a batch that is missed by a crash cannot be approved
while rows of it fall under a hold that its check did not see, or are excluded for one that was
lifted since.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ingest.approvals import check_again
from services.ingest.domain.errors import RequestError
from services.ingest.domain.hold import Hold, HoldKind, check_days
from services.ingest.encryption import FieldEncryption
from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.store import batches, holds, other_people, rows

OPEN = ("checking", "ready")


@dataclass(frozen=True)
class HoldTarget:
    """What is to be held: that of a row, or named. A loan is named by institution and number."""

    kind: HoldKind
    row_id: UUID | None = None
    name: str = ""
    institution_id: str = ""


@dataclass(frozen=True)
class WantedHold:
    """A hold that a person asks for."""

    hold_id: UUID
    target: HoldTarget
    first_day: date
    last_day: date | None
    reason: str
    evidence: str
    person: str


@dataclass(frozen=True)
class Affected:
    """A hold, and the batches that it touches, as `store.holds.find_affected` lists them."""

    hold: Hold
    batches: list[Any]

    @property
    def open(self) -> list[Any]:
        """Those that are not approved: they are checked again."""
        return [one for one in self.batches if one.status in OPEN]

    @property
    def approved(self) -> list[Any]:
        """Those that are approved and still pay such rows: a hold does not stop them."""
        return [one for one in self.batches if one.status not in OPEN and one.rows]


def set_hold(
    engine: Engine, encryption: FieldEncryption, wanted: WantedHold, *, dry_run: bool = False
) -> Affected:
    """Set a hold, and check the open batches again that have such rows.

    A dry run changes nothing, so it neither waits for approvals nor lets them wait.

    Raises:
        RequestError: there is no such row, the days are wrong, or it is held on one of these days.
    """
    check_days(wanted.first_day, wanted.last_day)
    now = datetime.now(UTC)
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            if not dry_run:
                other_people.lock_approvals(connection)
            hold = _hold(connection, encryption, wanted, now)
            holds.insert_hold(connection, hold)
            affected = Affected(hold, list(holds.find_affected(connection, hold)))
            if dry_run:
                transaction.rollback()
                return affected
    except holds.AlreadyHeld:
        raise RequestError(
            "conflict",
            "hold.already",
            "A hold of the same stands on one of these days. Nothing was changed.",
            "Lift it first, or choose days after it.",
        ) from None
    _check_again(engine, [one.batch_id for one in affected.open if one.rows], now)
    return affected


def lift(engine: Engine, hold_id: UUID, person: str, reason: str) -> Affected:
    """Lift a hold for good, and check the open batches again that have rows under it.

    The same call by the same person has the batches checked again whose check a crash has missed.

    Raises:
        RequestError: there is no such hold, or another person lifted it.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        other_people.lock_approvals(connection)
        hold = holds.find_hold(connection, hold_id)
        if hold is None:
            raise RequestError(
                "not_found", "hold.unknown", "There is no such hold.", "Look at the holds."
            )
        affected = list(holds.find_affected(connection, hold))
        if hold.lifted_by not in (None, person):
            raise RequestError(
                "conflict",
                "hold.lifted",
                f"{hold.lifted_by} lifted this hold already. Nothing was changed.",
                "Look at the holds.",
            )
        lifted = hold
        if hold.lifted_by is None:
            lifted = replace(hold, lifted_by=person, lifted_at=now, lift_reason=reason)
            holds.lift_hold(connection, lifted)
        done = Affected(lifted, affected)
    # one that is being checked may exclude rows for the hold that stood when it began
    stale = [one for one in done.open if one.held_rows or one.status == "checking"]
    _check_again(engine, [one.batch_id for one in stale], now)
    return done


def _check_again(engine: Engine, batch_ids: list[UUID], now: datetime) -> None:
    """Check batches again. One that was approved or has ended meanwhile stays as it is."""
    for batch_id in batch_ids:
        with engine.begin() as connection:
            batch = batches.get_batch(connection, batch_id, lock=True)
            check_again(connection, batch, now)


def _hold(
    connection: Connection, encryption: FieldEncryption, wanted: WantedHold, now: datetime
) -> Hold:
    key, shown = _key(connection, encryption, wanted.target)
    if not key:
        raise RequestError(
            "invalid",
            "hold.target",
            f"This names no {wanted.target.kind} that can be held. Nothing was changed.",
            "Name it as it is in the roster, or choose a row that has one.",
        )
    return Hold(
        hold_id=wanted.hold_id,
        kind=wanted.target.kind,
        key=key,
        shown=shown,
        first_day=wanted.first_day,
        last_day=wanted.last_day,
        reason=wanted.reason,
        evidence=wanted.evidence,
        set_by=wanted.person,
        set_at=now,
    )


def _key(
    connection: Connection, encryption: FieldEncryption, target: HoldTarget
) -> tuple[str, str]:
    """What rows are compared by, and what people are shown; "" if there is nothing to compare."""
    if target.row_id is not None:
        row = rows.find_row(connection, target.row_id)
        if row is None:
            return "", ""
        named = {
            "person": (row.person_key, f"employee {row.employee_id}"),
            "loan": (row.loan_key, f"loan {row.institution_id} ending in {row.loan_last4}"),
            "branch": (row.branch_id, f"branch {row.branch_id}"),
            "source": (row.source_account_id, f"source {row.source_account_id}"),
        }
        return named[target.kind]
    name = target.name.strip()
    if target.kind == "person":
        return canonical_person(name), f"employee {name}"
    if target.kind == "loan":
        number = canonical_loan(name)
        if not number or not target.institution_id:
            return "", ""
        shown = f"loan {target.institution_id} ending in {name[-4:]}"
        return encryption.loan_key(target.institution_id, number), shown
    return name, f"{target.kind} {name}"
