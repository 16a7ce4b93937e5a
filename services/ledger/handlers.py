"""What each message means for the ledger, decided from values alone: no clock, no I/O."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.ledger import BreakAcknowledged, JournalPosted
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.journals import JournalKind
from services.ledger.domain.acknowledgements import Acknowledgement
from services.ledger.domain.journals import Journal, follow_up, hold, journals_between, shares


class Conflict(Reject):
    """The same id or version came again with other content. Nothing was written."""

    code = "ledger.conflict"


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """The last applied version of a payment (0: only approved), with its approved money."""

    batch_id: UUID
    amount_cents: int
    version: int
    status: str


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal that a change requires."""

    change: PaymentChanged
    kind: JournalKind


@dataclass
class ChangePlan:
    """What to do with a set of changes.

    `applied` and the `postings` they require are in the order of versions. `deferred` changes have
    to wait for an approval or an earlier version. `resumed` are the (payment id, version) of
    changes that waited before and wait no longer.
    """

    applied: list[PaymentChanged] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    deferred: list[PaymentChanged] = field(default_factory=list)
    resumed: list[tuple[UUID, int]] = field(default_factory=list)


def content_digest(event: Event) -> str:
    """A digest of an event's content.

    A field that is added to the event's class later does not change it while it has its default.
    """
    return hashlib.sha256(
        event.model_dump_json(exclude={"event_id", "occurred_at"}, exclude_defaults=True).encode()
    ).hexdigest()


def on_payment_approved(event: PaymentApproved) -> Journal:
    """The hold of an approved payment.

    Raises:
        Reject: its amount is not the sum of its rows, or a row is in it twice.
    """
    if event.amount_cents != sum(row.amount_cents for row in event.rows):
        raise Reject(f"payment {event.payment_id} is not the sum of its rows", "ledger.sum-of-rows")
    if len({row.row_id for row in event.rows}) != len(event.rows):
        raise Reject(f"payment {event.payment_id} contains a row twice", "ledger.row-twice")
    parts = shares((row.branch_id, row.amount_cents) for row in event.rows)
    return hold(event.batch_id, event.payment_id, event.source_account_id, parts, event.occurred_at)


def on_payments_changed(
    changes: Iterable[PaymentChanged],
    waiting: Iterable[PaymentChanged],
    known: Mapping[UUID, AppliedVersion],
    applied_digests: Mapping[tuple[UUID, int], str],
) -> ChangePlan:
    """Order changes by version and apply those that follow without a gap. The others wait.

    Args:
        changes: new changes.
        waiting: changes of the same payments that waited before.
        known: the last applied version of each payment; one that is not approved yet is missing.
        applied_digests: of versions in `changes` that were applied before.

    Raises:
        Conflict: the same version with other content, or another amount or batch than approved.
        ImpossibleChange: see `journals_between`.
    """
    queues: dict[UUID, dict[int, PaymentChanged]] = {}
    waited = set()
    for change in waiting:
        queues.setdefault(change.payment_id, {})[change.version] = change
        waited.add((change.payment_id, change.version))
    for change in changes:
        queue = queues.setdefault(change.payment_id, {})
        first = queue.setdefault(change.version, change)
        if first is not change and content_digest(first) != content_digest(change):
            raise _two_versions(change)
    plan = ChangePlan()
    for payment_id, queue in queues.items():
        _plan_payment(known.get(payment_id), queue, applied_digests, waited, plan)
    return plan


def _plan_payment(
    last: AppliedVersion | None,
    queue: Mapping[int, PaymentChanged],
    applied_digests: Mapping[tuple[UUID, int], str],
    waited: set[tuple[UUID, int]],
    plan: ChangePlan,
) -> None:
    for version in sorted(queue):
        change, key = queue[version], (queue[version].payment_id, version)
        try:
            kinds = _required_journals(last, change, applied_digests)
        except Reject:
            if key in waited:
                # It keeps waiting and becomes a break. The messages of this batch are not to blame.
                return
            raise
        if last is None or version > last.version + 1:
            if key not in waited:
                plan.deferred.append(change)
            continue
        if version > last.version:
            plan.postings += [Posting(change, kind) for kind in kinds]
            plan.applied.append(change)
            last = AppliedVersion(last.batch_id, last.amount_cents, version, change.status)
        if key in waited:
            plan.resumed.append(key)


def _required_journals(
    last: AppliedVersion | None,
    change: PaymentChanged,
    applied_digests: Mapping[tuple[UUID, int], str],
) -> tuple[JournalKind, ...]:
    """The journals a change requires; none if it was applied before, or has to wait.

    Raises:
        Conflict, ImpossibleChange: it can never be applied.
    """
    if last is None:
        return ()
    if (change.amount_cents, change.batch_id) != (last.amount_cents, last.batch_id):
        raise Conflict(
            f"version {change.version} of payment {change.payment_id} "
            "has another amount or batch than was approved"
        )
    if change.version <= last.version:
        if applied_digests.get((change.payment_id, change.version)) != content_digest(change):
            raise _two_versions(change)
        return ()
    if change.version > last.version + 1:
        return ()
    return journals_between(last.status, change.status)


def _two_versions(change: PaymentChanged) -> Conflict:
    return Conflict(f"payment {change.payment_id} has two different versions {change.version}")


def follow_up_journals(postings: Sequence[Posting], holds: Mapping[UUID, Journal]) -> list[Journal]:
    """The journals of postings, in their order, from the holds of their payments."""
    return [follow_up(holds[p.change.payment_id], p.kind, p.change.occurred_at) for p in postings]


def journal_posted(journal: Journal, change: PaymentChanged | None = None) -> JournalPosted:
    """The event about a journal. The same journal always gives the same event.

    Args:
        journal: the journal that is written in the same transaction.
        change: the change that required it; None for a hold.
    """
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


def break_acknowledged(made: Acknowledgement) -> BreakAcknowledged:
    """The event about an acknowledgement. The same one always gives the same event."""
    return BreakAcknowledged(
        event_id=uuid5(made.break_id, f"acknowledged-{made.evidence}"),
        occurred_at=made.confirmed_at,
        correlation=str(made.batch_id),
        batch_id=made.batch_id,
        break_id=made.break_id,
        evidence=made.evidence,
        act=made.act,
        reason=made.reason,
        amount_cents=made.amount_cents,
        proposed_by=made.proposed_by,
        confirmed_by=made.confirmed_by,
        counts_after=made.counts_after,
        journals=made.journals,
    )


def acknowledgement_of(event: BreakAcknowledged) -> Acknowledgement:
    """The acknowledgement that an event of `break_acknowledged` is about."""
    return Acknowledgement(
        evidence=event.evidence,
        break_id=event.break_id,
        batch_id=event.batch_id,
        act=event.act,
        reason=event.reason,
        amount_cents=event.amount_cents,
        proposed_by=event.proposed_by,
        confirmed_by=event.confirmed_by,
        confirmed_at=event.occurred_at,
        decided_in="ledger",
        counts_after=event.counts_after,
        journals=event.journals,
    )
