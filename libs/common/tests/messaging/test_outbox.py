"""Events wait in the outbox in their order, each once."""

import pytest

from libs.common.messaging import outbox
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint
from libs.common.tests.fake_producer import Producer, add, publish, waiting


@pytest.mark.database
class TestAdd:
    def test_events_wait_in_the_order_they_were_added(self, store: Store) -> None:
        first, second = add(store, range(50)), add(store, range(100, 90, -1))
        assert waiting(store) == first + second

    def test_an_event_that_is_there_already_is_left_alone(self, store: Store) -> None:
        add(store, [1, 2])
        assert publish(store, Producer()) == 2
        add(store, [1, 3])
        assert waiting(store) == [str(hint(3).event_id)]

    def test_what_is_rolled_back_never_happened(self, store: Store) -> None:
        with store.engine.connect() as connection:
            outbox.add(connection, [hint(1)])
            connection.rollback()
        assert waiting(store) == []
