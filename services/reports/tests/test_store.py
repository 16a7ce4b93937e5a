"""The read model on a real PostgreSQL.

No order of arrival changes it, and at every moment every row has one outcome.
"""

import random
import threading
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.contracts.statuses import OUTCOMES
from libs.common.database.engine import run
from services.reports import consumers
from services.reports.store import payment_queries, queries
from services.reports.store.digests import DIGESTS
from services.reports.tests import factories
from services.reports.tests.conftest import READ_MODEL, delete_all

pytestmark = pytest.mark.database


def state(connection: Connection) -> dict[str, list[Any]]:
    return {name: [tuple(row) for row in run(connection, query)] for name, query in DIGESTS.items()}


def apply_in_parts(engine: Engine, events: list[Event], draw: random.Random) -> None:
    while events:
        size = draw.randint(1, 80)
        with engine.begin() as connection:
            consumers.apply(connection, events[:size])
        del events[:size]


def test_any_order_of_all_events_ends_in_the_same_state(engine: Engine) -> None:
    batch = factories.make(150, 11)
    revised = batch.rows[4].model_copy(
        update={"revision": 2, "reason": "newer", "event_id": factories.SPACE}
    )
    found = []
    for seed in range(4):
        delete_all(engine, READ_MODEL)
        events: list[Event] = [*batch.events, revised]
        if seed:
            random.Random(seed).shuffle(events)
        apply_in_parts(engine, events, random.Random(seed))
        with engine.connect() as connection:
            found.append(state(connection))
            assert payment_queries.waiting_statuses(connection)[0] == 0
    assert all(other == found[0] for other in found)
    assert {total[3] for total in found[0]["totals"]} > {"paid", "failed", "reversed", "cancelled"}


def test_at_every_moment_the_outcomes_add_up_to_the_file_by_source_and_by_branch(
    engine: Engine,
) -> None:
    batch = factories.make(300, 5)
    rest: list[Event] = [event for event in batch.events if not isinstance(event, RowRead)]
    random.Random(5).shuffle(rest)
    apply_in_parts(engine, list(batch.rows), random.Random(1))
    total = (len(batch.rows), sum(row.amount_cents for row in batch.rows))
    moments = Counter[str]()
    while rest:
        size = random.Random(len(rest)).randint(1, 120)
        with engine.begin() as connection:
            consumers.apply(connection, rest[:size])
        del rest[:size]
        with engine.connect() as connection:
            totals = queries.totals(connection, batch.batch_id)
            assert tuple(map(sum, zip(*totals.values(), strict=True))) == total
            for by in ("source_account_id", "branch_id"):
                groups = queries.groups(connection, batch.batch_id, by)
                assert (sum(g.rows for g in groups), sum(g.cents for g in groups)) == total
                for outcome in OUTCOMES:
                    parts = (
                        sum(getattr(g, f"{outcome}_count") for g in groups),
                        sum(getattr(g, f"{outcome}_cents") for g in groups),
                    )
                    assert parts == totals.get(outcome, (0, 0))
            moments.update(totals.keys())
    assert set(moments) >= set(OUTCOMES) - {"excluded"}
    for outcome in set(OUTCOMES) - {"pending"}:
        assert totals.get(outcome, (0, 0)) == (
            batch.totals(outcome).rows,
            batch.totals(outcome).amount_cents,
        )


def one_payment(seed: int) -> tuple[PaymentApproved, list[PaymentChanged], list[RowRead]]:
    batch = factories.make(30, seed)
    changes: dict[Any, list[PaymentChanged]] = {}
    for event in batch.events:
        if isinstance(event, PaymentChanged):
            changes.setdefault(event.payment_id, []).append(event)
    paid = next(p for p in batch.payments if len(changes[p.payment_id]) == 4)
    return paid, changes[paid.payment_id], batch.rows


def test_a_status_waits_for_its_approval_and_for_the_versions_before_it(engine: Engine) -> None:
    paid, changes, rows = one_payment(2)

    def seen(*events: Event) -> tuple[str | None, int]:
        with engine.begin() as connection:
            consumers.apply(connection, events)
        with engine.connect() as connection:
            found = payment_queries.find_payment(connection, paid.payment_id)
            return (found.status if found else None), payment_queries.waiting_statuses(connection)[
                0
            ]

    assert seen(*rows, changes[2]) == (None, 1)
    assert seen(paid) == ("unprocessed", 1)
    assert seen(changes[1]) == ("unprocessed", 2)
    assert seen(changes[0]) == ("completed", 0)
    assert seen(changes[0], paid) == ("completed", 0)


@pytest.mark.parametrize("approved_before", [False, True])
def test_versions_and_approval_committed_at_the_same_moment_find_each_other(
    engine: Engine, approved_before: bool
) -> None:
    paid, changes, _ = one_payment(2)
    if approved_before:
        with engine.begin() as connection:
            consumers.apply(connection, [paid])
    with engine.connect() as first, engine.connect() as second:
        consumers.apply(first, changes[1:2])  # holds the payment's row, not committed yet
        done = threading.Event()

        def other() -> None:
            consumers.apply(second, changes[:1])
            consumers.apply(second, [paid])
            second.commit()
            done.set()

        thread = threading.Thread(target=other)
        thread.start()
        assert not done.wait(0.3)  # it waits for the first
        first.commit()
        assert done.wait(10)
        thread.join()
    with engine.connect() as connection:
        found = payment_queries.find_payment(connection, paid.payment_id)
        assert found is not None
        assert (found.version, found.status) == (2, changes[1].status)


@pytest.mark.parametrize("status", ["discarded", "expired"])
def test_payable_rows_of_a_discarded_batch_are_cancelled_and_the_others_keep_their_outcome(
    engine: Engine, status: str
) -> None:
    batch = factories.make(60, 8)
    first = batch.events[0].model_copy(update={"version": 9, "status": status})
    with engine.begin() as connection:
        consumers.apply(connection, [*batch.rows, first])
        totals = queries.totals(connection, batch.batch_id)
    payable = [row for row in batch.rows if row.status == "payable"]
    assert totals["cancelled"] == (len(payable), sum(row.amount_cents for row in payable))
    assert set(totals) == {"cancelled"} | {
        row.status for row in batch.rows if row.status != "payable"
    }
