"""A webhook makes a payment due until a reading has answered it, and not longer."""

from typing import Any

import pytest

from services.dispatcher.store import hints, payment_tracking
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database


@pytest.fixture
def sent(dispatcher: ManualDispatcher) -> ManualDispatcher:
    """One payment that the provider has as `pending`, read by nobody yet."""
    assert dispatcher.turn() == 1
    return dispatcher


def hint(dispatcher: ManualDispatcher, provider_event: str) -> None:
    with dispatcher.engine.begin() as connection:
        hints.record_hints(connection, {dispatcher.payment.provider_id: provider_event})


def waiting(dispatcher: ManualDispatcher) -> list[str]:
    """The webhooks that wait for a reading."""
    return [row.provider_event for row in dispatcher.rows("SELECT provider_event FROM hint")]


def due(dispatcher: ManualDispatcher) -> list[str]:
    """The webhooks for which payments are due to be read."""
    with dispatcher.engine.connect() as connection:
        return [row.hint for row in payment_tracking.list_due_readings(connection, 10)]


def test_a_reading_answers_a_webhook_once(sent: ManualDispatcher) -> None:
    hint(sent, "evt_1")
    assert due(sent) == ["evt_1"]
    sent.poller.poll()
    assert (due(sent), waiting(sent)) == ([], [])


def test_a_webhook_does_not_move_the_date_of_the_next_reading(sent: ManualDispatcher) -> None:
    before = sent.payment.poll_due_at
    hint(sent, "evt_1")
    sent.poller.poll()
    assert sent.payment.poll_due_at == before


def test_a_webhook_that_comes_during_the_reading_asks_for_another(
    sent: ManualDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = sent.reader.get

    def slowly(path: str) -> Any:
        found = get(path)
        sent.provider.books[sent.payment.provider_id]["status"] = "sent"
        hint(sent, "evt_2")
        return found

    hint(sent, "evt_1")
    with monkeypatch.context() as patch:
        patch.setattr(sent.reader, "get", slowly)
        sent.poller.poll()
    assert (sent.payment.status, due(sent)) == ("pending", ["evt_2"])
    sent.poller.poll()
    assert (sent.payment.status, due(sent)) == ("completed", [])
    assert sent.published("payment-changed.v1")[-1]["evidence_id"].startswith("evt_2/")


def test_a_payment_that_cannot_be_read_is_not_read_again_at_once(sent: ManualDispatcher) -> None:
    sent.rows("UPDATE payment SET provider_id = 'pmt_gone' RETURNING 1")
    hint(sent, "evt_1")
    sent.poller.poll()
    assert sent.flags() == ["not_at_provider"]
    assert due(sent) == []


def test_webhooks_about_nothing_of_ours_are_not_looked_through_for_ever(
    sent: ManualDispatcher,
) -> None:
    hint(sent, "evt_1")
    sent.rows("UPDATE hint SET at = at - interval '2 hours' RETURNING 1")
    assert due(sent) == []
    sent.rows("UPDATE payment SET poll_due_at = now() RETURNING 1")
    assert due(sent) == ["evt_1"]  # its own date has come


def test_a_webhook_about_a_payment_that_is_read_no_more_waits_as_long_as_it_must(
    sent: ManualDispatcher,
) -> None:
    sent.rows("UPDATE payment SET poll_due_at = 'infinity' RETURNING 1")
    hint(sent, "evt_1")
    sent.rows("UPDATE hint SET at = at - interval '2 hours' RETURNING 1")
    assert due(sent) == ["evt_1"]
    sent.poller.poll()
    assert (due(sent), waiting(sent)) == ([], [])
