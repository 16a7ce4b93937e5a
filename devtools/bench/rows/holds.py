"""50,000 holds and their settlements: messages through the ledger's consumers, to the commit."""

import time
from collections.abc import Mapping
from uuid import uuid5

from sqlalchemy import Engine

from devtools.bench.copy_floor import copy_again_s
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.message_batches import apply_s
from devtools.bench.workplace import Workplace
from libs.common.contracts.envelope import Event
from libs.common.contracts.events.payments import PaidRow, PaymentApproved
from libs.common.database.engine import connect, run
from services.ledger import consumers
from services.ledger.tests.factories import BATCH, approved, changed, payment_id
from services.ledger.tests.test_speed import HOLDS, SETTLEMENTS

PAYMENTS, BRANCHES = 50_000, 500
KINDS = "SELECT kind, count(*), sum(amount_cents) FROM journal GROUP BY kind ORDER BY kind"


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Apply every approval, then every payment's three statuses, 500 messages a transaction."""
    count = workplace.size(PAYMENTS)
    approvals, changes = events(count)
    with workplace.database("ledger") as (service_url, owner_url):
        engine, owner = connect(service_url, "bench"), connect(owner_url, "bench")
        try:
            holds_s = apply_s(engine, approvals, consumers.APPLIES[approvals[0].topic])
            settlements_s = apply_s(engine, changes, consumers.APPLIES[changes[0].topic])
            with engine.connect() as connection:
                found = [tuple(row) for row in run(connection, KINDS)]
            cents = sum(event.amount_cents for event in approvals)
            require_equal("journals", found, [(k, count, cents) for k in ("hold", "settle")])
            floor_s = copy_again_s(owner, "journal") + copy_again_s(owner, "entry")
        finally:
            engine.dispose()
            owner.dispose()
    return _statements_s(workplace, count) | {
        "holds": holds_s,
        "settlements": settlements_s,
        "COPY of journals and entries": floor_s,
        "time ÷ floor": (holds_s + settlements_s) / floor_s,
    }


def _statements_s(workplace: Workplace, count: int) -> dict[str, float]:
    """Seconds of one statement for all holds, and of one for all settlements, guards on."""
    with workplace.database("ledger") as (service_url, owner_url):
        engine, owner = connect(service_url, "bench"), connect(owner_url, "bench")
        try:
            holds_s = _statement_s(engine, HOLDS, count)
            with owner.begin() as connection:
                run(connection, "ANALYZE journal, entry")
            settlements_s = _statement_s(engine, SETTLEMENTS, count)
            with engine.connect() as connection:
                found = [row.count for row in run(connection, KINDS)]
            require_equal("journals of one statement", found, [count, count])
        finally:
            engine.dispose()
            owner.dispose()
    return {
        "holds as one statement": holds_s,
        "settlements as one statement": settlements_s,
    }


def _statement_s(engine: Engine, sql: str, count: int) -> float:
    began = time.monotonic()
    with engine.begin() as connection:
        run(connection, sql.replace("50000", str(count)), b=str(BATCH))
    return time.monotonic() - began


def events(count: int) -> tuple[list[PaymentApproved], list[Event]]:
    """So many payments' approvals, and their three statuses up to `completed`."""
    approvals, changes = list[PaymentApproved](), list[Event]()
    for number in range(count):
        pid = uuid5(payment_id(2), str(number))
        row = PaidRow(
            row_id=uuid5(pid, "row"),
            root_row_id=pid,
            file_row=number + 1,
            branch_id=str(number % BRANCHES),
            amount_cents=938,
        )
        approvals.append(approved(2, payment_id=pid, event_id=pid, rows=(row,)))
        changes += [
            changed(2, version, status, payment_id=pid, event_id=uuid5(pid, str(version)))
            for version, status in enumerate(("sending", "pending", "completed"), start=1)
        ]
    return approvals, changes


ROW = Row(
    "holds",
    "50,000 holds, then 50,000 settlements (150,000 statuses), read messages to commit",
    (
        Figure("holds", "s", at_most=1.0),
        Figure("settlements", "s", at_most=2.0),
        Figure("holds as one statement", "s", is_floor=True),
        Figure("settlements as one statement", "s", is_floor=True),
        Figure("COPY of journals and entries", "s", 2, is_floor=True),
        Figure("time ÷ floor"),
    ),
    measure,
    estimate_s=70,
)
