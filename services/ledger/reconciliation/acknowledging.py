"""Acknowledge a break: one person explains it, another one, an approver, confirms.

The decision is published in the transaction that stores it, so a rebuild has it too. It counts for
statements that begin after every one that is known now: the provider's list is read again first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import PaydownError
from libs.common.contracts.events.ledger import AcknowledgeAct, BreakAcknowledged
from libs.common.contracts.two_person import next_step
from libs.common.messaging import outbox
from services.ledger.domain.acknowledgements import (
    LOSING_ACTS,
    Acknowledgement,
    correcting_journals,
    is_acknowledgeable,
    why_not,
)
from services.ledger.handlers import acknowledgement_of, break_acknowledged
from services.ledger.store import acknowledgements
from services.ledger.store.acknowledgements import OpenBreak, Proposal


class Refused(PaydownError):
    """The break cannot be acknowledged so. Nothing was changed."""

    code = "break.state"


class Unknown(PaydownError):
    """There is no such break."""

    code = "not-found"


@dataclass(frozen=True, slots=True)
class Order:
    """Who explains a break how. `evidence` is the digest of the break as the person saw it.

    `approver`: the gateway confirms that role at this moment. `counts_as`: the people the person
    counts as, by API tokens.
    """

    act: AcknowledgeAct
    reason: str
    evidence: str
    person: str
    approver: bool = False
    counts_as: frozenset[str] = frozenset()


def order_acknowledgement(connection: Connection, break_id: UUID, order: Order) -> tuple[str, UUID]:
    """Propose an acknowledgement (`proposed`), or confirm another person's (`done`).

    Returns that, and the break's batch.

    Who confirms is an approver who had no hand in the batch. Another act, or a break that has
    changed since, is another proposal. The same order again by the same person changes nothing.

    Raises:
        Unknown, Refused
        two_person.NotAllowed: another person must confirm it.
    """
    acknowledgements.lock_corrections(connection)
    found = acknowledgements.lock_break(connection, break_id)
    if found is None:
        raise Unknown(f"There is no break {break_id}.")
    _check(found, order)
    proposal = acknowledgements.find_proposal(connection, break_id)
    if proposal is not None and (proposal.act, proposal.evidence) != (order.act, order.evidence):
        proposal = None
    step = next_step(
        order.person,
        None if proposal is None else proposal.proposed_by,
        is_approver=order.approver,
        ineligible=found.barred or (),
        counts_as=order.counts_as,
    )
    if proposal is None or step == "propose":
        proposal = Proposal(order.evidence, order.act, order.reason, order.person)
        acknowledgements.upsert_proposal(connection, break_id, proposal)
    elif step == "confirm":
        _confirm(connection, found, order, proposal)
        return "done", found.batch_id
    return "proposed", found.batch_id


def _check(found: OpenBreak, order: Order) -> None:
    """Refuse what this break does not allow."""
    if found.is_closed:
        raise Refused("The break is closed: the newest comparison no longer found it.")
    if found.decided_in:
        raise Refused("Two people have acknowledged this break. A new comparison applies it.")
    if not is_acknowledgeable(found.kind, found.subject):
        raise Refused(why_not(found.kind))
    if order.evidence != found.evidence:
        raise Refused("The break is no longer what you saw. Look at it again.")
    if order.act in LOSING_ACTS and not any(money.amount_cents for money in found.outside):
        raise Refused("No money moved outside of our payments here; it can only be explained.")
    if found.barred is None:
        raise Refused(
            "The ledger does not know who had a hand in this batch: it came before the ledger kept "
            "that. The batch's next change brings it."
        )


def _confirm(connection: Connection, found: OpenBreak, order: Order, proposal: Proposal) -> None:
    """Record what two people decided, with its journals, and publish it."""
    ids = [money.provider_payment_id for money in found.outside]
    before = acknowledgements.find_corrections(connection, ids)
    counts_after = acknowledgements.newest_run_begun_at(connection)
    assert counts_after is not None, "a run has found the break"
    made = Acknowledgement(
        evidence=found.evidence,
        break_id=found.break_id,
        batch_id=found.batch_id,
        act=order.act,
        reason=proposal.reason,
        amount_cents=sum(money.amount_cents for money in found.outside),
        proposed_by=proposal.proposed_by,
        confirmed_by=order.person,
        confirmed_at=datetime.now(UTC),
        decided_in="ledger",
        counts_after=counts_after,
        journals=(
            *before,
            *correcting_journals(
                found.break_id, found.evidence, found.account, order.act, found.outside, before
            ),
        ),
    )
    acknowledgements.delete_proposal(connection, found.break_id)
    acknowledgements.insert_acknowledgements(connection, [made])
    outbox.add(connection, [break_acknowledged(made)])


def apply_acknowledgements(connection: Connection, events: Sequence[Event]) -> None:
    """Store acknowledgements that were published before: in a rebuild, and after a restore.

    A second call changes nothing.
    """
    acknowledgements.insert_acknowledgements(
        connection,
        [acknowledgement_of(event) for event in events if isinstance(event, BreakAcknowledged)],
    )
