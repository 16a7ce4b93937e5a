"""One payment's cost in calls, statements, rows and messages, against `payment_cost`."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.database.engine import run
from libs.common.testing import table_counters
from libs.common.testing.cost import check, count
from services.dispatcher import consumers
from services.dispatcher.store.object_preparation import ensure_people_and_loans, ensure_sources
from services.dispatcher.tests.factories import AT, announce_batch
from services.dispatcher.tests.harness import ManualDispatcher, migrated_database
from services.dispatcher.tests.payment_cost import COST

pytestmark = pytest.mark.database
PAYMENTS = 96
CONCURRENCY = 32  # of the local stack; so many payments are sent by one transaction
HINTS = 16  # webhooks that come in one batch of messages


@pytest.fixture
def dispatcher(make_database: Callable[[str], tuple[str, str]]) -> Iterator[ManualDispatcher]:
    """A dispatcher on a database of its own, which has paid one batch before."""
    engine, owner = migrated_database(make_database)
    table_counters.stop_autovacuum(owner)
    table_counters.read_by_keys(owner)
    made = ManualDispatcher(engine, owner, CONCURRENCY)
    pay(made, made.batch_id)
    yield made
    engine.dispose()
    owner.dispose()


def test_one_payment_costs_no_more_than_is_written_down(dispatcher: ManualDispatcher) -> None:
    used = count_all(dispatcher, lambda: pay_another(dispatcher))
    check(used, PAYMENTS, COST)


def pay_another(dispatcher: ManualDispatcher) -> None:
    """Pay a batch in the order of life: its accounts are created before it is approved."""
    batch_id = uuid4()
    made = announce_batch(dispatcher.engine, batch_id, PAYMENTS, "ready", 2, tag="b")
    with dispatcher.engine.begin() as connection:
        ensure_sources(connection, batch_id)
        ensure_people_and_loans(connection, batch_id, 2_000)
        run(
            connection,
            """
            UPDATE object
            SET status = 'pending', provider_id = 'at_' || left(CAST(object_id AS text), 13)
            WHERE status <> 'pending'""",
        )
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [made.changed("approved", 3)])
        consumers.payments(connection, made.payments())
    dispatcher.provisioner.link_payments()
    dispatcher.provisioner.start_batches()
    dispatcher.walker.walk()
    pay(dispatcher, batch_id)


def pay(dispatcher: ManualDispatcher, batch_id: UUID) -> None:
    """Send a batch; its webhooks come, and it is read as `processing` and then as `sent`."""
    while dispatcher.turn(CONCURRENCY):
        pass
    for status in ("pending", "processing", "sent"):
        mine = [
            line
            for line in dispatcher.provider.books.values()
            if line["metadata"]["batch_id"] == str(batch_id)
        ]
        for line in mine:
            line["status"] = status
        for at in range(0, len(mine), HINTS):
            with dispatcher.engine.begin() as connection:
                consumers.hints(connection, [hint(line, status) for line in mine[at : at + HINTS]])
        dispatcher.poller.poll()
    rows = dispatcher.rows("SELECT status FROM payment WHERE batch_id = :b", b=batch_id)
    assert {row.status for row in rows} == {"completed"}


def hint(line: dict[str, Any], status: str) -> ProviderEventReceived:
    event_id = uuid5(UUID(int=0), f"{line['id']}/{status}")
    return ProviderEventReceived(
        event_id=event_id,
        occurred_at=AT,
        provider_event=f"evt_{event_id}",
        webhook_type="payment.update",
        received_at=AT,
        provider_id=line["id"],
    )


def count_all(dispatcher: ManualDispatcher, work: Callable[[], None]) -> Counter[str]:
    """The calls, statements, commits, rows and messages of work."""
    calls = calls_of(dispatcher)
    used = count(dispatcher.engine, dispatcher.owner, work)
    used["provider calls"] = calls_of(dispatcher) - calls
    return used


def calls_of(dispatcher: ManualDispatcher) -> int:
    return len(dispatcher.provider.calls) + len(dispatcher.provider.listed)
