"""One function per message: what it means, decided from values alone. No clock, no I/O."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.ledger import JournalPosted
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from services.ledger import domain
from services.ledger.domain import Journal, Kind


class Conflict(Reject):
    """The same id or version came again with other content. Nothing was written; a person looks."""

    code = "ledger.conflict"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a payment stands: its approved money and the last version applied (0: none yet)."""

    batch_id: UUID
    amount_cents: int
    version: int
    status: str


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal that a change asks for."""

    change: PaymentChanged
    kind: Kind


@dataclass
class Advance:
    """What a set of changes comes to: applied in the order of versions, or kept until what is missing has come."""

    applied: list[PaymentChanged] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    kept: list[PaymentChanged] = field(default_factory=list)
    woken: list[tuple[UUID, int]] = field(default_factory=list)


def content(event: Event) -> str:
    """A digest of what an event says; fields added to its class later, at their defaults, do not change it."""
    return hashlib.sha256(
        event.model_dump_json(exclude={"event_id", "occurred_at"}, exclude_defaults=True).encode()
    ).hexdigest()


def on_payment_approved(event: PaymentApproved) -> Journal:
    """The hold of an approved payment.

    Raises:
        Reject: its amount is not the sum of its rows, or a row is named twice.
    """
    if event.amount_cents != sum(row.amount_cents for row in event.rows):
        raise Reject(f"payment {event.payment_id} is not the sum of its rows", "ledger.sum-of-rows")
    if len({row.row_id for row in event.rows}) != len(event.rows):
        raise Reject(f"payment {event.payment_id} names a row twice", "ledger.row-twice")
    parts = domain.shares((row.branch_id, row.amount_cents) for row in event.rows)
    return domain.hold(
        event.batch_id, event.payment_id, event.source_account_id, parts, event.occurred_at
    )


def on_payments_changed(
    changes: Iterable[PaymentChanged],
    waiting: Iterable[PaymentChanged],
    positions: Mapping[UUID, Position],
    contents: Mapping[tuple[UUID, int], str],
) -> Advance:
    """Order changes by version and apply what follows without a gap; the rest waits.

    Args:
        changes: new ones. waiting: those kept earlier for the same payments.
        positions: of the payments that are known; a payment that is not approved here yet is missing.
        contents: digests of versions applied before, for those versions that came again.

    Raises:
        Conflict: the same version with other content, or money or batch that are not the approved ones.
        ImpossibleChange: see domain.
    """
    queues: dict[UUID, dict[int, PaymentChanged]] = {}
    kept_before = set()
    for change in waiting:
        queues.setdefault(change.payment_id, {})[change.version] = change
        kept_before.add((change.payment_id, change.version))
    for change in changes:
        known = queues.setdefault(change.payment_id, {}).setdefault(change.version, change)
        if known is not change and content(known) != content(change):
            raise Conflict(f"payment {change.payment_id} has two versions {change.version}")
    result = Advance()
    for payment_id, queue in queues.items():
        _advance(positions.get(payment_id), queue, contents, kept_before, result)
    return result


def _advance(
    position: Position | None,
    queue: dict[int, PaymentChanged],
    contents: Mapping[tuple[UUID, int], str],
    kept_before: set[tuple[UUID, int]],
    result: Advance,
) -> None:
    at = position
    for number in sorted(queue):
        change, key = queue[number], (queue[number].payment_id, number)
        try:
            kinds = _fits(at, change, contents)
        except Reject:
            if key in kept_before:
                return  # it goes on waiting, and becomes a break; what has just arrived is not to blame
            raise
        if at is None or number > at.version + 1:
            if key not in kept_before:
                result.kept.append(change)
            continue
        if number > at.version:
            result.postings += [Posting(change, kind) for kind in kinds]
            result.applied.append(change)
            at = Position(at.batch_id, at.amount_cents, number, change.status)
        if key in kept_before:
            result.woken.append(key)


def _fits(
    at: Position | None, change: PaymentChanged, contents: Mapping[tuple[UUID, int], str]
) -> tuple[Kind, ...]:
    """The journals a change asks for; none if it was applied before, or is not due yet.

    Raises:
        Conflict, ImpossibleChange: it never will fit.
    """
    if at is None:
        return ()
    if (change.amount_cents, change.batch_id) != (at.amount_cents, at.batch_id):
        raise Conflict(
            f"version {change.version} of payment {change.payment_id} is of another amount or batch than was approved"
        )
    if change.version <= at.version and contents.get(
        (change.payment_id, change.version)
    ) != content(change):
        raise Conflict(f"payment {change.payment_id} has two versions {change.version}")
    return (
        domain.journals_between(at.status, change.status)
        if change.version == at.version + 1
        else ()
    )


def journals(postings: Sequence[Posting], holds: Mapping[UUID, Journal]) -> list[Journal]:
    """The journals of postings, from the holds they end."""
    return [
        domain.follow_up(holds[p.change.payment_id], p.kind, p.change.occurred_at) for p in postings
    ]


def journal_posted(journal: Journal, change: PaymentChanged | None = None) -> JournalPosted:
    """What the others are told of a journal; the same journal always gives the same event."""
    return JournalPosted(
        event_id=uuid5(journal.journal_id, "journal-posted"),
        occurred_at=journal.posted_at,
        correlation=str(journal.batch_id),
        batch_id=journal.batch_id,
        journal_id=journal.journal_id,
        payment_id=journal.payment_id,
        kind=journal.kind,
        amount_cents=journal.amount_cents,
        status=change.status if change else "unprocessed",
        reason_code=change.reason_code if change else "",
        reason=change.reason if change else "",
    )
