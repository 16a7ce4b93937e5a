"""What people order: pause, resume and cancel a batch, end a held payment, decide a duplicate.

An order takes effect in the database at once. Its event follows by Kafka.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.statuses import PAID_ELSEWHERE
from libs.common.contracts.two_person import next_step
from services.dispatcher.handlers import Evidence
from services.dispatcher.store import (
    attempts,
    batches,
    duplicates,
    flags,
    held_decisions,
    kill_switch,
    object_retries,
    payments,
    source_stops,
    sources,
    statements,
)
from services.dispatcher.store.held_decisions import HeldDecision
from services.dispatcher.store.payment_changes import Change, apply_changes

BatchAct = Literal["pause", "resume", "cancel"]
#: `close`: no money moved. `paid-elsewhere`: the loan was paid by another way. `unbind` is of a
#: payment that is pending, not held: the provider payment it is bound to is not this one.
HeldAct = Literal["look-up", "bind", "close", "paid-elsewhere", "unbind"]
#: The second payment moved no money; its money came back by another way; it stays as it is.
DuplicateAct = Literal["ended", "recovered", "accepted"]
#: `ready` too: the approval may be on its way here.
COMMANDABLE = ("ready", "approved", "paying", "paused")


class Refused(PaydownError):
    """The order cannot be carried out in this state. Nothing was changed."""

    code = "dispatch.state"


class Unknown(PaydownError):
    """There is no such batch or payment here."""

    code = "not-found"


@dataclass(frozen=True)
class Order:
    """Who orders something, and why. `approver`: the gateway confirms that role at this moment.

    `counts_as`: the people the person counts as, by API tokens.
    """

    person: str
    reason: str
    approver: bool = False
    counts_as: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Retried:
    """How many refused or disabled objects are tried again; `exhausted`: how many never are."""

    retried: int
    exhausted: int

    @property
    def message(self) -> str:
        """What happens, and what to do."""
        if not self.retried and not self.exhausted:
            return "Nothing of this batch is refused or disabled at the provider now."
        sentences = []
        if self.retried:
            sentences.append(
                f"The provider is asked again about {self.retried} of the batch's people, loans "
                "and accounts."
            )
        if self.exhausted:
            sentences.append(
                f"Refused as often as is allowed, and not tried again: {self.exhausted}. No money "
                "moved. Correct the values in the roster, and upload it again."
            )
        return " ".join(sentences)


# --- batches -----------------------------------------------------------------------------------


def order_batch(connection: Connection, batch_id: UUID, act: BatchAct, order: Order) -> str:
    """Pause, resume or cancel a batch; return its state afterwards.

    The same order again changes nothing. It takes effect with this transaction: it waits for every
    gate that holds the batch, and no later gate lets the batch through.

    Raises:
        Unknown, Refused
    """
    if act == "resume":
        sources.lock_batches_of_same_accounts(connection, batch_id)
    batch = batches.lock_batch(connection, batch_id)
    if batch is None:
        raise Unknown(f"Batch {batch_id} is not known to the dispatcher.")
    if batch.status not in COMMANDABLE and batch.state in ("waiting", "paying", "paused"):
        raise Refused(
            f"The batch is {batch.status}. Only a batch that is being paid can be paused, "
            "resumed or cancelled."
        )
    if act == "resume":
        return _resume(connection, batch, order)
    if act == "cancel":
        return _cancel(connection, batch, order)
    return _pause(connection, batch, order)


def _pause(connection: Connection, batch: Row[Any], order: Order) -> str:
    if batch.state == "cancelled":
        raise Refused("The rest of this batch was cancelled. There is nothing to pause.")
    if batch.state != "paused":
        batches.change_state(connection, batch.batch_id, "paused", order.person, order.reason)
    return "paused"


def _resume(connection: Connection, batch: Row[Any], order: Order) -> str:
    """Go on after a pause, and with source accounts that were stopped or refused."""
    if batch.state == "cancelled":
        raise Refused("The rest of this batch was cancelled. Upload the file again to pay it.")
    released = source_stops.release_sources(connection, batch.batch_id)
    refused = object_retries.find_sources(connection, batch.batch_id)
    by, reason = order.person, order.reason
    object_retries.retry_by_person(connection, batch.batch_id, refused, by, reason)
    if batch.state == "paused":
        batches.return_to_waiting(connection, batch.batch_id, order.person, order.reason)
    source_stops.announce_batches(connection, released)  # others pay from them as well
    return "paying"


def _cancel(connection: Connection, batch: Row[Any], order: Order) -> str:
    """Stop every payment that has no open attempt.

    A payment in doubt ends by its look-up; what the provider has accepted stays.
    """
    if batch.state == "cancelled":
        return "cancelled"
    have_arrived = payments.have_arrived(connection, batch.batch_id)
    if have_arrived and not payments.has_open_payments(connection, batch.batch_id):
        raise Refused("Every payment of this batch has ended. There is nothing left to cancel.")
    batches.change_state(connection, batch.batch_id, "cancelled", order.person, order.reason)
    return "cancelled"


def order_retry(connection: Connection, batch_id: UUID, order: Order) -> Retried:
    """Try again what the provider refused of a batch's people, loans and sources.

    Disabled ones are read again. No money moves. Each order makes another try, but not of what is
    being tried just now.

    Raises:
        Unknown
    """
    if batches.lock_batch(connection, batch_id) is None:
        raise Unknown(f"Batch {batch_id} is not known to the dispatcher.")
    wanted = [
        *object_retries.find_sources(connection, batch_id),
        *object_retries.find_people_and_loans(connection, batch_id),
    ]
    retried = object_retries.retry_by_person(
        connection, batch_id, wanted, order.person, order.reason
    )
    return Retried(retried, object_retries.count_exhausted(connection, wanted))


# --- kill switch -------------------------------------------------------------------------------


def order_kill_switch(connection: Connection, on: bool, order: Order) -> None:
    """Turn the kill switch on, or off.

    One person turns it on. If an approver did, turning it off needs two people: the first
    proposes, another, an approver, confirms. The same order again changes nothing.

    Raises:
        two_person.NotAllowed: another person must confirm it.
    """
    switch = kill_switch.lock_for_order(connection)
    if on:
        kill_switch.engage(connection, True, order.person, order.reason, by_approver=order.approver)
        return
    if not (switch.engaged and switch.by_approver):
        kill_switch.engage(connection, False, order.person, order.reason)
        return
    step = next_step(
        order.person,
        switch.off_proposed_by,
        is_approver=order.approver,
        counts_as=order.counts_as,
    )
    if step == "propose":
        kill_switch.propose_off(connection, order.person)
    elif step == "confirm":
        kill_switch.engage(connection, False, order.person, order.reason)


# --- held payments -----------------------------------------------------------------------------


def ineligible_approvers(connection: Connection, batch_id: str) -> frozenset[str]:
    """Return who had a hand in a batch, by its id as text: they do not decide about its money."""
    return batches.list_barred_people(connection, batch_id)


def order_held(
    connection: Connection, payment_id: UUID, act: HeldAct, provider_id: str, order: Order
) -> str:
    """End `held` by two people: the first proposes (`proposed`), another confirms (`done`).

    Who confirms is an approver who had no hand in the batch. Another act is another proposal.
    `unbind` brings a payment that was bound to a wrong provider payment back to `held`.

    Args:
        provider_id: the provider payment to bind; "" for the other acts.

    Raises:
        Unknown, Refused
        two_person.NotAllowed: another person must confirm it.
    """
    row = payments.lock_payments(connection, [payment_id]).get(payment_id)
    if row is None:
        raise Unknown(f"Payment {payment_id} is not known to the dispatcher.")
    _check_held(connection, row, act, provider_id)
    proposal = held_decisions.find_proposal(connection, payment_id)
    if proposal is not None and (proposal.act, proposal.provider_id) != (act, provider_id):
        proposal = None
    step = next_step(
        order.person,
        None if proposal is None else proposal.by_whom,
        is_approver=order.approver,
        ineligible=ineligible_approvers(connection, str(row.batch_id)),
        counts_as=order.counts_as,
    )
    if proposal is None or step == "propose":
        held_decisions.upsert_proposal(
            connection, payment_id, act, provider_id, order.reason, order.person
        )
        return "proposed"
    if step == "wait":
        return "proposed"
    decision = HeldDecision(
        payment_id, row.version, act, provider_id, order.reason, proposal.by_whom, order.person
    )
    _carry_out(connection, row, decision)
    return "done"


def _check_held(connection: Connection, row: Row[Any], act: HeldAct, provider_id: str) -> None:
    """Refuse an act that this payment does not allow."""
    if act == "unbind":
        bound = row.provider_id or ""
        if row.status != "pending" or not held_decisions.may_be_unbound(
            connection, row.payment_id, bound
        ):
            raise Refused(
                "Only a pending payment is unbound, which people had bound to a provider payment "
                "or whose provider payment the provider does not know."
            )
        return
    if row.status != "held":
        raise Refused(f"The payment is {row.status}. Only a held payment can be decided by people.")
    if act == "close" and row.reason_code == "held_other_money":
        raise Refused(
            "The provider has this payment, with other money or accounts, so it cannot be closed "
            "as not sent. End it at the provider, then look it up again. If its money has reached "
            "the loan, close it as paid by other means."
        )
    if act == "bind" and payments.is_bound(connection, provider_id):
        raise Refused(f"{provider_id} belongs to another payment already.")


def _carry_out(connection: Connection, row: Row[Any], decision: HeldDecision) -> None:
    """Record a decision that two people made, and change the payment by it."""
    held_decisions.delete_proposal(connection, decision.payment_id)
    if decision.act == "unbind":
        taken_back = replace(decision, provider_id=row.provider_id)
        held_decisions.insert_unbinding(connection, taken_back)
        detail = f"{row.provider_id} ({row.provider_status or 'never read'}): {decision.reason}"
        flags.insert_flag(connection, decision.payment_id, "unbound", detail)
        apply_changes(connection, [change_by_unbinding(row, taken_back)])
        return
    if decision.act == "paid-elsewhere":
        decision = replace(decision, act="close", money=PAID_ELSEWHERE)
    recorded = held_decisions.insert_decisions(connection, [decision])
    assert recorded == 1, "a payment that is held at this version was not decided before"
    if decision.act == "close" and not decision.money:
        attempts.end_all_attempts(connection, [decision.payment_id], "absent")
    apply_changes(connection, [change_by_decision(row, decision)])


def change_by_decision(row: Row[Any], decision: HeldDecision) -> Change:
    """Return the change that a decision makes: look up again, close as not sent, or bind."""
    evidence = Evidence(
        "person",
        f"{decision.act}/{decision.payment_id}",
        f"{decision.proposed_by}, {decision.confirmed_by}",
    )
    reason = decision.reason
    if decision.act == "look-up":
        return Change(
            row, "in_doubt", evidence, step="lookup", reason_code="in_doubt", reason=reason
        )
    if decision.act == "close":
        code = decision.money or "closed_as_not_sent"
        return Change(row, "cancelled", evidence, reason_code=code, reason=reason)
    return Change(
        row,
        "pending",
        evidence,
        provider_id=decision.provider_id,
        provider_status="",
        poll_s=0.0,
        reason=reason,
    )


def change_by_unbinding(row: Row[Any], decision: HeldDecision) -> Change:
    """Return the change of a payment of which people took back the binding: it is held again."""
    people = f"{decision.proposed_by}, {decision.confirmed_by}"
    return Change(
        row,
        "held",
        Evidence("person", f"unbind/{decision.payment_id}", people),
        provider_id="",
        provider_status="",
        reason_code="held_unbound",
        reason=f"It was bound to {decision.provider_id} by mistake: {decision.reason}",
    )


# --- duplicates ----------------------------------------------------------------------------------


def order_duplicate(
    connection: Connection, payment_id: UUID, act: DuplicateAct, order: Order
) -> str:
    """Say what became of the second payment: the first person proposes, another confirms.

    Who confirms is an approver who had no hand in the batch. Another act is another proposal. A
    confirmed one asks for a statement, because it may be what the batch's certificate waited for.

    Raises:
        Unknown, Refused
        two_person.NotAllowed: another person must confirm it.
    """
    finding = duplicates.lock_open(connection, payment_id)
    if finding is None:
        if not payments.lock_payments(connection, [payment_id]):
            raise Unknown(f"Payment {payment_id} is not known to the dispatcher.")
        raise Refused("No duplicate of this payment waits for a decision.")
    if act == "ended" and finding.alive > 1:
        raise Refused(
            f"{finding.alive} payments are alive at the provider, so the second one has not ended. "
            "Wait until it is cancelled there, or decide what became of its money."
        )
    step = next_step(
        order.person,
        finding.proposed_by if finding.act == act else None,
        is_approver=order.approver,
        ineligible=ineligible_approvers(connection, str(finding.batch_id)),
        counts_as=order.counts_as,
    )
    if step == "propose":
        duplicates.propose(connection, payment_id, act, order.reason, order.person)
    if step != "confirm":
        return "proposed"
    duplicates.decide(connection, payment_id, order.person)
    statements.request_statements(connection, order.person, finding.batch_id)
    return "done"
