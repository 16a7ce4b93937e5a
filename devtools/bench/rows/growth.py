"""What one payment costs the dispatcher's database as the past grows."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID, uuid4

from sqlalchemy import Engine, create_engine, event, make_url

from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.past_payments import multiply
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect, run
from services.dispatcher import consumers
from services.dispatcher.store.object_preparation import ensure_people_and_loans, ensure_sources
from services.dispatcher.tests.factories import announce_batch
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_payment_cost import pay

FEW, MANY = 10_000, 500_000
PAYMENTS, BATCHES = 96, 5  # of a batch; batches that are paid at each size


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Pay some batches after 10,000 past payments, and some after 500,000, autovacuum on."""
    sizes = [max(1, workplace.size(past) // PAYMENTS) for past in (FEW, MANY)]
    with workplace.database("dispatcher") as (service_url, owner_url):
        engine, owner = connect(service_url, "bench"), connect(owner_url, "bench")
        admin = create_engine(make_url(workplace.postgres_url).set(database=owner.url.database))
        try:
            dispatcher = ManualDispatcher(engine, owner, PAYMENTS)
            pay(dispatcher, dispatcher.batch_id)
            few, many = _costs(dispatcher, admin, sizes)
            require_equal("payments", _count(owner), (sizes[1] + 1 + 2 * BATCHES) * PAYMENTS)
        finally:
            for one in (engine, owner, admin):
                one.dispose()
    return {
        "SQL at 500,000 ÷ at 10,000": many / few,
        "SQL of one at 10,000": few,
        "SQL of one at 500,000": many,
    }


def _costs(dispatcher: ManualDispatcher, admin: Engine, sizes: list[int]) -> list[float]:
    """The median milliseconds of a payment's statements after so many past batches."""
    costs, first = list[float](), 1
    for last in sizes:
        multiply(admin, str(dispatcher.batch_id), first, last)
        first = last + 1
        costs.append(statistics.median(_batch_ms(dispatcher) for _ in range(BATCHES)))
    return costs


def _batch_ms(dispatcher: ManualDispatcher) -> float:
    """Milliseconds that the statements of one payment take, seen by the client."""
    batch_id = uuid4()
    _announce(dispatcher, batch_id)
    with _timed(dispatcher.engine) as taken:
        pay(dispatcher, batch_id)
    return 1_000 * sum(taken) / PAYMENTS


def _announce(dispatcher: ManualDispatcher, batch_id: UUID) -> None:
    """A batch of new people whose accounts are created before it is approved."""
    made = announce_batch(dispatcher.engine, batch_id, PAYMENTS, "ready", 2, tag=batch_id.hex)
    with dispatcher.engine.begin() as connection:
        ensure_sources(connection, batch_id)
        ensure_people_and_loans(connection, batch_id, 2_000)
        run(
            connection,
            """
            UPDATE object
            SET status = 'pending', provider_id = 'at_' || object_id
            WHERE status <> 'pending'""",
        )
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [made.changed("approved", 3)])
        consumers.payments(connection, made.payments())
    dispatcher.provisioner.link_payments()
    dispatcher.provisioner.start_batches()
    dispatcher.walker.walk()


@contextmanager
def _timed(engine: Engine) -> Iterator[list[float]]:
    """The seconds of each statement inside the context."""
    taken, began = list[float](), list[float]()

    def before(*_: object) -> None:
        began.append(time.perf_counter())

    def after(*_: object) -> None:
        taken.append(time.perf_counter() - began.pop())

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield taken
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def _count(owner: Engine) -> int:
    with owner.connect() as connection:
        return int(run(connection, "SELECT count(*) FROM payment").scalar())


ROW = Row(
    "growth",
    "statements of one payment in the dispatcher after 10,000 and after 500,000 past payments",
    (
        Figure("SQL at 500,000 ÷ at 10,000", digits=2, at_most=1.1),
        Figure("SQL of one at 10,000", "ms", 2),
        Figure("SQL of one at 500,000", "ms", 2),
    ),
    measure,
    runs=1,
    estimate_s=600,
)
