"""What people order: pause, resume, cancel the rest, the kill switch, the exits of `held`. The row here is the truth, Kafka is told after."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from services.dispatcher.handlers import Evidence
from services.dispatcher.store import payments
from services.dispatcher.store.payments import Change

COMMANDABLE = (
    "ready",
    "approved",
    "paying",
    "paused",
)  # `ready` too: the approval may be on its way here


class Refused(PaydownError):
    """The order cannot be carried out in this state. Nothing was changed."""

    code = "dispatch.state"


class NotAllowed(PaydownError):
    """The order can be carried out, by somebody else. Nothing was changed."""

    code = "auth.forbidden"


class Unknown(PaydownError):
    """There is no such batch or payment here."""

    code = "not-found"


@dataclass(frozen=True)
class Order:
    """Who wants what, and why."""

    person: str
    reason: str
    approver: bool = False  # as the gateway vouches at this moment


def command(connection: Connection, batch_id: UUID, act: str, order: Order) -> str:
    """Pause, resume or cancel a batch; its state afterwards. The same order again changes nothing.

    Takes effect with this transaction: it waits for every gate that holds the batch, and no later gate lets it through.

    Raises:
        Unknown, Refused
    """
    batch = run(
        connection,
        "SELECT batch_id, state, status FROM batch WHERE batch_id = :id FOR UPDATE",
        id=batch_id,
    ).first()
    if batch is None:
        raise Unknown(f"Batch {batch_id} is not known to the dispatcher.")
    if batch.status not in COMMANDABLE and batch.state in ("waiting", "paying", "paused"):
        raise Refused(
            f"The batch is {batch.status}; only a batch that is being paid can be commanded."
        )
    if act == "resume":
        return resume(connection, batch, order)
    if act == "cancel":
        return cancel(connection, batch, order)
    if batch.state == "cancelled":
        raise Refused("The rest of this batch was cancelled; there is nothing to pause.")
    if batch.state != "paused":
        payments.set_state(connection, batch_id, "paused", order.person, order.reason)
    return "paused"


def resume(connection: Connection, batch: Row[tuple[object, ...]], order: Order) -> str:
    """Go on after a pause, and with sources that had stopped."""
    if batch.state == "cancelled":
        raise Refused("The rest of this batch was cancelled; upload the file again to pay it.")
    freed = (
        run(
            connection,
            """
        DELETE FROM source_stop WHERE account_index IN (SELECT account_index FROM source WHERE batch_id = :id) RETURNING account_index""",
            id=batch.batch_id,
        )
        .scalars()
        .all()
    )
    if batch.state == "paused":
        run(
            connection,
            "UPDATE batch SET state = 'waiting', state_by = :by, state_reason = :reason WHERE batch_id = :id",
            id=batch.batch_id,
            by=order.person,
            reason=order.reason,
        )
    for batch_id in payments.batches_of(
        connection, freed
    ):  # others that wait for the same account as well
        payments.set_state(connection, batch_id, None, "", "")
    return "paying"


def cancel(connection: Connection, batch: Row[tuple[object, ...]], order: Order) -> str:
    """Stop everything that has no open attempt; what is in doubt ends by look-up, what the provider has stays."""
    if batch.state == "cancelled":
        return "cancelled"
    unsent = run(
        connection,
        "SELECT 1 FROM payment WHERE batch_id = :id AND status <> ALL(CAST(:final AS text[])) LIMIT 1",
        id=batch.batch_id,
        final=sorted(FINAL_PAYMENTS),
    ).first()
    arrived = run(
        connection,
        "SELECT count(*) >= max(b.payments) AND max(b.payments) > 0 FROM batch b LEFT JOIN payment p USING (batch_id) "
        "WHERE b.batch_id = :id",
        id=batch.batch_id,
    ).scalar()
    if arrived and unsent is None:
        raise Refused("Every payment of this batch has ended; there is nothing left to cancel.")
    payments.set_state(connection, batch.batch_id, "cancelled", order.person, order.reason)
    return "cancelled"


def ineligible_approvers(connection: Connection, batch_id: str) -> frozenset[str]:
    """Who had a hand in a batch, by its id as text: none of them decides about its money. Nobody for an id we do not know."""
    return frozenset(
        run(
            connection, "SELECT unnest(barred) FROM batch WHERE batch_id::text = :id", id=batch_id
        ).scalars()
    )


def held(connection: Connection, payment_id: UUID, act: str, provider_id: str, order: Order) -> str:
    """End `held` by two people: the first proposes (`proposed`), another one confirms the same act (`done`).

    Who confirms is an approver who had no hand in the batch, as for its approval.

    Raises:
        Unknown, Refused, NotAllowed
    """
    row = run(
        connection, "SELECT * FROM payment WHERE payment_id = :id FOR UPDATE", id=payment_id
    ).first()
    if row is None:
        raise Unknown(f"Payment {payment_id} is not known to the dispatcher.")
    if row.status != "held":
        raise Refused(f"The payment is {row.status}; only a held payment can be decided by people.")
    if act == "close" and row.reason_code == "held_other_money":
        raise Refused(
            "The provider has this payment, with other money or accounts; it cannot be closed as not sent. End it there, then look it up again."
        )
    if (
        act == "bind"
        and run(connection, "SELECT 1 FROM payment WHERE provider_id = :id", id=provider_id).first()
    ):
        raise Refused(f"{provider_id} belongs to another payment already.")
    proposal = run(
        connection, "SELECT * FROM held_proposal WHERE payment_id = :id", id=payment_id
    ).first()
    if proposal is None or (proposal.act, proposal.provider_id) != (act, provider_id):
        run(
            connection,
            """
            INSERT INTO held_proposal (payment_id, act, provider_id, reason, by_whom) VALUES (:id, :act, :provider_id, :reason, :by)
            ON CONFLICT (payment_id) DO UPDATE SET act = excluded.act, provider_id = excluded.provider_id, reason = excluded.reason,
                by_whom = excluded.by_whom, at = now()""",
            id=payment_id,
            act=act,
            provider_id=provider_id,
            reason=order.reason,
            by=order.person,
        )
        return "proposed"
    if proposal.by_whom == order.person:
        return "proposed"
    if not order.approver:
        raise NotAllowed(
            f"{proposal.by_whom} has proposed the same; it takes an approver, another person, to confirm it."
        )
    if order.person in ineligible_approvers(connection, str(row.batch_id)):
        raise NotAllowed(
            "You uploaded, corrected or derived this batch; it takes an approver who had no hand in it to confirm this."
        )
    run(connection, "DELETE FROM held_proposal WHERE payment_id = :id", id=payment_id)
    run(
        connection,
        """
        INSERT INTO held_decision (payment_id, version, act, provider_id, reason, proposed_by, confirmed_by)
        VALUES (:id, :version, :act, :provider_id, :reason, :first, :second)""",
        id=payment_id,
        version=row.version,
        act=act,
        provider_id=provider_id,
        reason=order.reason,
        first=proposal.by_whom,
        second=order.person,
    )
    evidence = Evidence("person", f"{act}/{payment_id}", f"{proposal.by_whom}, {order.person}")
    if act == "look-up":
        change = Change(
            row, "in_doubt", evidence, step="lookup", reason_code="in_doubt", reason=order.reason
        )
    elif act == "close":
        run(
            connection,
            "UPDATE attempt SET outcome = 'absent' WHERE subject_id = :id AND outcome = 'open'",
            id=payment_id,
        )
        change = Change(
            row, "cancelled", evidence, reason_code="closed_as_not_sent", reason=order.reason
        )
    else:
        change = Change(
            row,
            "pending",
            evidence,
            provider_id=provider_id,
            provider_status="",
            poll_s=0.0,
            reason=order.reason,
        )
    payments.apply(connection, [change])
    return "done"
