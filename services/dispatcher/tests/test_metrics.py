"""The dispatcher's figures, asked of its database."""

from collections import Counter
from uuid import uuid4

from services.dispatcher import metrics
from services.dispatcher.store import payments as store
from services.dispatcher.tests.harness import Desk


def unsent(desk: Desk) -> float:
    return metrics.all_of(desk.engine)["payments_unsent"]()


def stop(desk: Desk, account: str) -> None:
    with desk.engine.begin() as connection:
        store.stop_source(connection, account, "insufficient_funds", "no money", holder_too=False)


def test_a_stopped_source_hides_its_own_payments_and_no_others(desk: Desk) -> None:
    desk.announce(uuid4(), 2, tag="b")
    payments = Counter(row.account_index for row in desk.rows("SELECT account_index FROM payment"))
    first, second = payments
    assert unsent(desk) == payments.total() == 3
    stop(desk, first)
    assert unsent(desk) == payments[second]
    stop(desk, second)
    assert unsent(desk) == 0


def test_a_stopped_source_counts_again_when_it_is_resumed(desk: Desk) -> None:
    stop(desk, desk.payment.account_index)
    with desk.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM source_stop")
    assert unsent(desk) == 1
    assert desk.turn() == 1
    assert unsent(desk) == 0


def test_every_figure_is_a_question_that_can_be_asked(desk: Desk) -> None:
    assert all(figure() >= 0 for figure in metrics.all_of(desk.engine).values())
