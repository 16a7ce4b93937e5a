"""The dispatcher's gauges, read from its database."""

from collections import Counter
from uuid import uuid4

import pytest

from services.dispatcher import metrics
from services.dispatcher.store.source_stops import SourceStop, stop_sources
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database


def unsent(dispatcher: ManualDispatcher) -> float:
    return metrics.gauges(dispatcher.engine)["payments_unsent"]()


def stop(dispatcher: ManualDispatcher, account: str) -> None:
    with dispatcher.engine.begin() as connection:
        stop = SourceStop(account, "insufficient_funds", "no money")
        stop_sources(connection, [stop])


def test_a_stopped_source_hides_its_own_payments_and_no_others(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.announce(uuid4(), 2, tag="b")
    payments = Counter(
        row.account_index for row in dispatcher.rows("SELECT account_index FROM payment")
    )
    first, second = payments
    assert unsent(dispatcher) == payments.total() == 3
    stop(dispatcher, first)
    assert unsent(dispatcher) == payments[second]
    stop(dispatcher, second)
    assert unsent(dispatcher) == 0


def test_a_stopped_source_counts_again_when_it_is_resumed(dispatcher: ManualDispatcher) -> None:
    stop(dispatcher, dispatcher.payment.account_index)
    with dispatcher.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM source_stop")
    assert unsent(dispatcher) == 1
    assert dispatcher.turn() == 1
    assert unsent(dispatcher) == 0


def test_every_gauge_can_be_read(dispatcher: ManualDispatcher) -> None:
    assert all(figure() >= 0 for figure in metrics.gauges(dispatcher.engine).values())
