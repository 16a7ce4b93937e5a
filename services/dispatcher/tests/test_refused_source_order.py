"""A batch whose source the provider refuses takes no turn from the others."""

from uuid import UUID

import pytest
from sqlalchemy import Engine

from services.dispatcher.preparation.provisioning import note_refused_sources
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database
LIMIT = 4
FIRST, SECOND = UUID(int=1), UUID(int=2)


def set_corporation(dispatcher: ManualDispatcher, status: str) -> None:
    """The provider shows the corporation of the first batch so; its accounts stay `pending`."""
    assert dispatcher.rows(
        """
        UPDATE object
        SET status = :status
        WHERE kind = 'corporation' AND batch_id = :batch_id
        RETURNING 1""",
        status=status,
        batch_id=FIRST,
    )
    with dispatcher.engine.begin() as connection:
        note_refused_sources(connection)


def lease_batches(dispatcher: ManualDispatcher) -> list[str]:
    return [call.batch_id for call in dispatcher.lease(LIMIT)]


def test_a_batch_whose_source_is_refused_does_not_hold_up_the_others(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=4 * LIMIT, batch_id=FIRST)
    dispatcher.announce(SECOND, LIMIT, tag="b", ein="99120240")
    set_corporation(dispatcher, "inactive")
    assert lease_batches(dispatcher) == [str(SECOND)] * LIMIT
    assert lease_batches(dispatcher) == []
    set_corporation(dispatcher, "pending")
    assert lease_batches(dispatcher) == [str(FIRST)] * LIMIT
