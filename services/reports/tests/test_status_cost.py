"""Most statuses of a payment are written in place: they change no index."""

from uuid import uuid5

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.database.engine import run
from services.reports import consumers
from services.reports.tests import factories

pytestmark = pytest.mark.database
PAYMENTS, BATCH_MAX = 1_000, 500
UPDATES = """
    SELECT pg_stat_get_tuples_updated(CAST('payment' AS regclass)),
        pg_stat_get_tuples_hot_updated(CAST('payment' AS regclass))"""
#: About 0.4 with pages filled to 70 %, 0.6 with 50.
LEAST_IN_PLACE = 0.55


def test_most_statuses_are_written_in_place(engine: Engine) -> None:
    batch = factories.make(30, 2)
    approved = next(e for e in batch.events if isinstance(e, PaymentApproved))
    life = [
        e
        for e in batch.events
        if isinstance(e, PaymentChanged) and e.payment_id == approved.payment_id
    ]
    ids = [uuid5(factories.SPACE, f"cost-{n}") for n in range(PAYMENTS)]
    copies = [approved.model_copy(update={"payment_id": one, "event_id": one}) for one in ids]
    events = [
        change.model_copy(update={"payment_id": one, "event_id": uuid5(one, str(change.version))})
        for change in life[:3]
        for one in ids
    ]
    for start in range(0, PAYMENTS, BATCH_MAX):
        with engine.begin() as connection:
            consumers.apply(connection, copies[start : start + BATCH_MAX])
    updates_before, in_place_before = count(engine)
    for start in range(0, len(events), BATCH_MAX):
        with engine.begin() as connection:
            consumers.apply(connection, events[start : start + BATCH_MAX])
    updates, in_place = count(engine)
    assert updates - updates_before == len(events)
    assert (in_place - in_place_before) / len(events) >= LEAST_IN_PLACE


def count(engine: Engine) -> tuple[int, int]:
    """Updates of payments so far, and how many of them were in place."""
    with engine.begin() as connection:
        run(connection, "SELECT pg_stat_force_next_flush()")
    with engine.begin() as connection:
        updates, in_place = run(connection, UPDATES).one()
    return updates, in_place
