"""Statements with a payment that was made by hand, and people who explain the break."""

from collections.abc import Sequence
from typing import Any

from libs.common.contracts.events.ledger import AcknowledgeAct
from libs.common.contracts.events.provider import StatementLine
from services.ledger.reconciliation.acknowledging import Order, order_acknowledgement
from services.ledger.store import breaks as store_breaks
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import at, closed, line
from services.ledger.tests.harness import (
    ENDS,
    PROVIDER_STATUSES,
    batch_events,
    breaks,
    deliver,
    rows,
)


def by_hand(status: str = "posted", run_name: str = "run-1", **more: Any) -> StatementLine:
    """A payment made by hand at the provider, from source A."""
    values = {"payment_id": "", "provider_payment_id": "pmt_hand", "amount_cents": 12_00}
    return line(1, status, run_name, position=9, **(values | more))


def good_lines(run_name: str = "run-1") -> list[StatementLine]:
    return [line(n, PROVIDER_STATUSES[end], run_name) for n, end in ENDS.items()]


def statement(
    database: Database, number: int, *extra: StatementLine, lines: Sequence[StatementLine] = ()
) -> None:
    """Deliver the batch's statement of this number, with further lines."""
    name = f"run-{number}"
    all_lines = [*(lines or good_lines(name)), *extra]
    deliver(
        database.service,
        *all_lines,
        closed(
            all_lines,
            12,
            name,
            begun_at=at(100 * number),
            occurred_at=at(100 * number + 1),
        ),
    )


def deliver_ended_batch(database: Database) -> None:
    """Deliver everything of a batch whose payments have ended, but no statement."""
    events = [e for e in batch_events(ENDS) if e.topic.name != "provider-statements"]
    deliver(database.service, *events)


def deliver_orphan(database: Database) -> None:
    """Deliver a batch whose first statement lists a payment that is not ours."""
    deliver_ended_batch(database)
    statement(database, 1, by_hand())
    assert breaks(database.service) == [("orphan", "")]


def open_break(database: Database) -> Any:
    (found,) = rows(database.service, "SELECT * FROM reconciliation_break WHERE closed_at IS NULL")
    return found


def acknowledge(database: Database, act: AcknowledgeAct, *people: str, **changed: Any) -> list[str]:
    states = []
    for person in people:
        found = open_break(database)
        order = Order(
            **{
                "act": act,
                "reason": "paid by hand on Monday",
                "evidence": found.evidence,
                "person": person,
                "approver": True,
                **changed,
            }
        )
        with database.service.begin() as connection:
            states.append(order_acknowledgement(connection, found.break_id, order)[0])
    return states


def count_open(database: Database) -> int:
    with database.service.connect() as connection:
        return store_breaks.count_open(connection)
