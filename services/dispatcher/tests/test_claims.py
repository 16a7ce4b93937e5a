"""Claims: a row has at most one live payment, whichever batches it is in."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.dispatcher import consumers
from services.dispatcher.consumers import RowPaidTwice
from services.dispatcher.tests.factories import BatchOfPayments, announce_batch
from services.dispatcher.tests.harness import BareDispatcher

pytestmark = pytest.mark.database


def test_a_row_with_a_live_payment_is_not_paid_by_another_one(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = BareDispatcher(*engines)
    first = announce_batch(dispatcher.engine, uuid4(), 1)
    again = BatchOfPayments(uuid4(), 1, tag="b")
    (payment,) = again.payments()
    (row,) = payment.rows
    same_row = row.model_copy(update={"root_row_id": first.row_id(0)})
    second = payment.model_copy(update={"rows": (same_row,)})
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [again.changed("approved", 3)])
    with pytest.raises(RowPaidTwice), dispatcher.engine.begin() as connection:
        consumers.payments(connection, [second])
    assert len(dispatcher.rows("SELECT 1 FROM payment")) == 1
