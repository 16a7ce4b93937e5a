"""Clocks that are set while provider objects are created: the rules are those of payments."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.sending.worker import Call
from services.dispatcher.store.object_preparation import ensure_sources
from services.dispatcher.tests.factories import CIPHER, announce_batch
from services.dispatcher.tests.harness import BareDispatcher
from services.dispatcher.tests.running import VERSION
from services.dispatcher.tests.test_clock_steps import STEPS_H, set_database_clock
from services.dispatcher.tests.test_lookup import HOUR_S
from services.dispatcher.tracking.object_lookup import look_up_objects

pytestmark = pytest.mark.database
LOST, FAILED = Answer(None), Answer(500)


class Payor:
    """A corporation whose creation was sent once."""

    def __init__(self, engines: tuple[Engine, Engine], answer: Answer) -> None:
        self.dispatcher = BareDispatcher(*engines)
        announce_batch(self.dispatcher.engine, batch_id := uuid4(), 1)
        with self.dispatcher.engine.begin() as connection:
            ensure_sources(connection, batch_id)
        self.begin_process()
        (call,) = self.lease()
        self.first = call
        with self.dispatcher.engine.begin() as connection:
            self.sender.record_answers(connection, [(call, answer)])

    def begin_process(self) -> None:
        self.dispatcher.begin_process()
        self.sender = ProviderObjectSender(
            self.dispatcher.timing, CIPHER, VERSION, self.dispatcher.clocks
        )

    def lease(self) -> list[Call]:
        with self.dispatcher.engine.begin() as connection:
            return list(self.sender.lease_calls(connection, 4))

    def look_up(self, times: int = 3) -> None:
        for _ in range(times):
            look_up_objects(self.dispatcher.engine, self.dispatcher.reader, self.dispatcher.timing)
            self.dispatcher.pass_time(self.dispatcher.timing.lookup_every_s)

    @property
    def state(self) -> tuple[str, str, int]:
        """Status, next step, and look-ups that did not find it."""
        (row,) = self.dispatcher.rows("SELECT * FROM object WHERE kind = 'corporation'")
        return row.status, row.step, row.looks


@pytest.mark.parametrize("hours", STEPS_H)
def test_a_key_is_used_again_whatever_the_databases_clock_shows(
    engines: tuple[Engine, Engine], hours: int
) -> None:
    payor = Payor(engines, LOST)
    set_database_clock(payor.dispatcher, hours)
    payor.dispatcher.pass_time(payor.dispatcher.timing.resend_after_s + 2 * HOUR_S)
    calls = payor.lease()  # the limiter's window may begin anew
    payor.dispatcher.pass_time(60)
    calls = calls or payor.lease()
    assert [call.idempotency_key for call in calls] == [payor.first.idempotency_key]


@pytest.mark.parametrize("hours", STEPS_H)
def test_a_key_is_not_used_after_its_time_whatever_the_databases_clock_shows(
    engines: tuple[Engine, Engine], hours: int
) -> None:
    payor = Payor(engines, LOST)
    set_database_clock(payor.dispatcher, hours)
    payor.dispatcher.pass_time(27 * HOUR_S)
    set_database_clock(payor.dispatcher, -25)
    assert payor.lease() == []
    assert payor.state == ("in_doubt", "lookup", 0)


def test_a_key_of_unknown_age_waits_until_the_providers_clock_is_known(
    engines: tuple[Engine, Engine],
) -> None:
    payor = Payor(engines, LOST)
    payor.dispatcher.pass_time(payor.dispatcher.timing.resend_after_s)
    payor.begin_process()
    provider = payor.dispatcher.provider
    known, provider.last_date = provider.last_date, None
    assert payor.lease() == []
    assert payor.state[:2] == ("in_doubt", "resend")
    assert known is not None
    provider.last_date = known - timedelta(hours=30)  # it is behind the first send
    assert payor.lease() == []
    assert payor.state[:2] == ("in_doubt", "lookup")


@pytest.mark.parametrize("hours", STEPS_H)
def test_the_grace_is_neither_shorter_nor_longer_after_the_databases_clock_was_set(
    engines: tuple[Engine, Engine], hours: int
) -> None:
    payor = Payor(engines, FAILED)
    set_database_clock(payor.dispatcher, hours)
    payor.look_up()
    assert payor.state == ("in_doubt", "lookup", 0)
    payor.dispatcher.pass_time(payor.dispatcher.timing.grace_s + 2 * HOUR_S)
    payor.look_up()
    assert payor.state[0] == "unprocessed"


@pytest.mark.parametrize("hours", [-48, 48])
def test_look_ups_are_a_minute_apart_whatever_the_databases_clock_does(
    engines: tuple[Engine, Engine], hours: int
) -> None:
    payor = Payor(engines, FAILED)
    payor.dispatcher.pass_time(payor.dispatcher.timing.grace_s)
    for _ in range(4):
        look_up_objects(payor.dispatcher.engine, payor.dispatcher.reader, payor.dispatcher.timing)
        set_database_clock(payor.dispatcher, hours)
    assert payor.state == ("in_doubt", "lookup", 1)


def test_after_a_start_the_grace_begins_anew(engines: tuple[Engine, Engine]) -> None:
    payor = Payor(engines, FAILED)
    payor.dispatcher.pass_time(payor.dispatcher.timing.grace_s)
    payor.begin_process()
    payor.look_up()
    assert payor.state[2] == 0
