"""A batch does not wait for ever for its check: it is told what was not checked, or it is red."""

from typing import Any
from uuid import uuid4

import pytest

from services.dispatcher import metrics
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.tests.factories import announce_batch
from services.dispatcher.tests.harness import BareDispatcher, ManualDispatcher

pytestmark = pytest.mark.database
LIMIT_S = 30.0


def checking(dispatcher: BareDispatcher) -> Preflight:
    """A batch that waits for its check, at a provider that gives no list."""
    announce_batch(dispatcher.engine, uuid4(), 2, "checking", 1, tag="b")
    dispatcher.provider.away = True
    return Preflight(dispatcher.engine, dispatcher.reader, dispatcher.provisioner, LIMIT_S)


def answers(dispatcher: BareDispatcher) -> list[Any]:
    return list(
        dispatcher.rows(
            "SELECT body FROM outbox WHERE message_type = 'preflight-done.v1' ORDER BY id"
        )
    )


def wait(dispatcher: BareDispatcher, seconds: float) -> None:
    with dispatcher.owner.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE batch SET preflight_since = preflight_since - make_interval(secs => {seconds})"
        )


def age_s(dispatcher: BareDispatcher) -> float:
    return metrics.gauges(dispatcher.engine)["preflight_age_seconds"]()


def test_after_half_a_minute_the_answer_is_that_the_provider_did_not_answer(
    dispatcher: ManualDispatcher,
) -> None:
    preflight = checking(dispatcher)
    assert not preflight.check()
    wait(dispatcher, LIMIT_S - 1)
    assert not preflight.check()
    assert answers(dispatcher) == []
    wait(dispatcher, 1)
    assert preflight.check()
    (answer,) = answers(dispatcher)
    assert "The provider did not answer" in answer.body
    assert not preflight.check()  # once
    assert age_s(dispatcher) == 0


def test_how_long_the_oldest_batch_waits_is_a_figure(dispatcher: ManualDispatcher) -> None:
    preflight = checking(dispatcher)
    assert age_s(dispatcher) == 0
    preflight.check()
    wait(dispatcher, 400)  # its loop stands, so nothing is answered
    assert 400 <= age_s(dispatcher) < 430
