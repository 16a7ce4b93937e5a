"""Bring payments to the states that this service has published: a restored database is behind.

Nothing is published here. What is written was published before.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.statuses import PAID_ELSEWHERE
from services.dispatcher.handlers import Evidence
from services.dispatcher.store import attempts, held_decisions, published_events
from services.dispatcher.store.held_decisions import HeldDecision
from services.dispatcher.store.payment_changes import Change, write_changes

CHUNK = 1_000
#: A payment in one of these may have an attempt whose outcome is not known.
OPEN_ATTEMPTS = ("sending", "in_doubt", "held")
#: The decision that leads from `held` to a status; any other status follows `bind`.
ACTS = {"cancelled": "close", "in_doubt": "look-up"}


def catch_up_payments(
    connection: Connection, first: int, only: Collection[UUID] | None = None
) -> int:
    """Bring payments (or `only` these) to their newest published state.

    Returns how many were behind; a second call finds none.

    Args:
        first: the outbox id above which the recovered messages lie.
    """
    published_events.collect_behind(connection, first, only)
    count, after = 0, None
    while rows := published_events.lock_behind(connection, after, CHUNK):
        _catch_up(connection, rows)
        count, after = count + len(rows), rows[-1].payment_id
    return count


def _catch_up(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    states = [(row, PaymentChanged.model_validate(row.event)) for row in rows]
    held_decisions.insert_decisions(
        connection,
        [
            decision_before(row, state)
            for row, state in states
            if row.status == "held" and state.status != "held"
        ],
    )
    _catch_up_attempts(connection, states)
    write_changes(connection, [change_to(row, state) for row, state in states])


def decision_before(row: Row[Any], state: PaymentChanged) -> HeldDecision:
    """Return the decision by which a held payment came to its published state.

    The database demands one. Of the people at least one may not be known any more.
    """
    proposed_by, confirmed_by = [*state.by.split(", "), ""][:2]
    is_elsewhere = (state.status, state.reason_code) == ("cancelled", PAID_ELSEWHERE)
    return HeldDecision(
        row.payment_id,
        row.version,
        ACTS.get(state.status, "bind"),
        state.provider_payment_id,
        "Decided before this database came back from a backup.",
        proposed_by or "not known any more",
        confirmed_by or "not known either",
        PAID_ELSEWHERE if is_elsewhere else "",
    )


def _catch_up_attempts(
    connection: Connection, states: Sequence[tuple[Row[Any], PaymentChanged]]
) -> None:
    """Write the attempts that the copy does not know, and the outcomes that follow.

    Their bodies are lost, so they are never sent again.
    """
    newest = [(row.payment_id, max(row.attempts, state.attempts)) for row, state in states]
    attempts.end_earlier_attempts(connection, newest)
    known = attempts.list_numbers(connection, [payment_id for payment_id, _ in newest])
    outcomes = [outcome_of(state) for _, state in states]
    attempts.insert_known_attempts(
        connection,
        [
            (payment_id, n, "absent" if n < count else outcome)
            for (payment_id, count), outcome in zip(newest, outcomes, strict=True)
            for n in range(1, count + 1)
            if (payment_id, n) not in known
        ],
    )
    attempts.end_attempts(
        connection,
        [
            (payment_id, count, outcome)
            for (payment_id, count), outcome in zip(newest, outcomes, strict=True)
            if outcome != "open"
        ],
    )


def outcome_of(state: PaymentChanged) -> str:
    """Return the outcome of the newest attempt that led to a published state."""
    if state.provider_payment_id:
        return "accepted"
    return "open" if state.status in OPEN_ATTEMPTS else "absent"


def change_to(row: Row[Any], state: PaymentChanged) -> Change:
    """Return the change that brings a payment to a published state.

    An attempt under way is not sent again, because its body is lost; what the provider has is read
    now.
    """
    is_bound = bool(state.provider_payment_id)
    return Change(
        row,
        state.status,
        Evidence(state.evidence_kind, state.evidence_id, state.by),
        wait_s=None if state.status in ("sending", "in_doubt") else 0.0,
        poll_s=0.0 if is_bound and state.status in ("pending", "completed") else None,
        attempts=max(row.attempts, state.attempts),
        merchant_id=row.merchant_id or state.merchant_id,
        provider_id=state.provider_payment_id,
        provider_status=state.provider_status,
        source_trace_id=state.source_trace_id,
        destination_trace_id=state.destination_trace_id,
        reversal_id=state.reversal_id,
        reason_code=state.reason_code,
        reason=state.reason,
        version=state.version,
        paid_at=state.occurred_at,
    )
