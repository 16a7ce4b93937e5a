"""A duplicate that is found stops the sending until two people have decided about it."""

from typing import Any

import pytest
from sqlalchemy import Engine

from libs.common.contracts.two_person import NotAllowed
from libs.common.database.engine import run
from services.dispatcher.commands import DuplicateAct, Order, Refused, order_duplicate
from services.dispatcher.domain.duplicates import count_alive, stops_everything
from services.dispatcher.store import duplicates, kill_switch
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S


def test_a_second_duplicate_stops_everything() -> None:
    assert [stops_everything(n) for n in (0, 1, 2, 3)] == [False, False, True, True]


def test_the_live_payments_of_each_of_ours_are_counted_once() -> None:
    lines = [
        {"id": "pmt_1", "status": "sent", "metadata": {"payment_id": "p"}},
        {"id": "pmt_1", "status": "sent", "metadata": {"payment_id": "p"}},
        {"id": "pmt_2", "status": "failed", "metadata": {"payment_id": "p"}},
        {"id": "pmt_3", "status": "sent", "metadata": {"payment_id": "other"}},
        {"id": "pmt_4", "status": "failed", "metadata": {"payment_id": "q"}},
    ]
    # The list of another source account does not name r: that is no sign that it ended.
    assert count_alive(lines, ["p", "q", "r"]) == {"p": 1, "q": 0}


@pytest.fixture
def six(engines: tuple[Engine, Engine]) -> ManualDispatcher:
    """Six payments from two source accounts, of which the first two were sent."""
    dispatcher = ManualDispatcher(*engines, count=6)
    assert dispatcher.turn(2) == 2
    return dispatcher


def double(dispatcher: ManualDispatcher, number: int, status: str = "processing") -> dict[str, Any]:
    """The provider executes a sent payment once more by itself."""
    line = sorted(dispatcher.alive(), key=lambda line: line["id"])[number]
    line["status"] = "processing"
    answer = dispatcher.provider.accept({k: v for k, v in line.items() if k != "id"}, status)
    return dispatcher.provider.books[str((answer.data or {})["id"])]


def search(dispatcher: ManualDispatcher) -> None:
    dispatcher.pass_time(dispatcher.timing.duplicates_every_s)
    dispatcher.detector.search()


def decide(dispatcher: ManualDispatcher, act: DuplicateAct, *people: str) -> list[str]:
    (finding,) = dispatcher.rows("SELECT payment_id FROM duplicate WHERE decided_at IS NULL")
    states = []
    for person in people:
        with dispatcher.engine.begin() as connection:
            order = Order(person, "we looked", approver=True)
            states.append(order_duplicate(connection, finding.payment_id, act, order))
    return states


def halted(dispatcher: ManualDispatcher) -> bool:
    with dispatcher.engine.begin() as connection:
        return kill_switch.is_halted(connection)


@pytest.mark.database
def test_the_first_one_stops_its_source_and_the_second_one_everything(
    six: ManualDispatcher,
) -> None:
    double(six, 0)
    search(six)
    (stop,) = six.rows("SELECT * FROM source_stop")
    assert (stop.reason_code, halted(six)) == ("duplicate_at_provider", False)
    assert six.published("dispatch-changed.v1")[-1]["stopped_sources"]
    sent = six.turn()
    assert 0 < sent < 4  # only the other account pays
    double(six, 1)
    search(six)
    assert halted(six)
    assert six.turn() == 0


@pytest.mark.database
def test_a_stopped_source_is_not_resumed_before_two_people_have_decided(
    six: ManualDispatcher,
) -> None:
    double(six, 0)
    search(six)
    six.order("resume")
    assert len(six.rows("SELECT 1 FROM source_stop")) == 1
    assert decide(six, "recovered", "anna", "anna", "adam") == ["proposed", "proposed", "done"]
    six.order("resume")
    assert six.rows("SELECT 1 FROM source_stop") == []
    search(six)  # what was decided stops nothing again
    assert six.rows("SELECT 1 FROM source_stop") == []


@pytest.mark.database
def test_the_statement_names_what_is_not_decided_and_asks_again_after_the_decision(
    six: ManualDispatcher,
) -> None:
    six.turn()
    for line in six.alive():
        line["status"] = "posted"
    second = double(six, 0)
    second["status"] = "posted"
    for line in six.alive():
        line["status"] = "posted"
    six.pass_time(HOUR_S)
    six.poller.poll()
    six.pass_time(60)
    assert six.taker.take()
    assert six.published("statement-closed.v1")[-1]["undecided_duplicates"] == 1
    decide(six, "accepted", "anna", "adam")
    six.pass_time(60)
    assert six.taker.take()
    last = six.published("statement-closed.v1")[-1]
    assert last["undecided_duplicates"] == 0
    (decided,) = last["decided_duplicates"]  # so the ledger's own break is explained as well
    assert second["id"] in decided["provider_payment_ids"]
    assert (decided["act"], decided["proposed_by"], decided["decided_by"]) == (
        "accepted",
        "anna",
        "adam",
    )


@pytest.mark.database
def test_it_has_ended_only_when_the_provider_shows_that(six: ManualDispatcher) -> None:
    second = double(six, 0)
    search(six)
    with pytest.raises(Refused):
        decide(six, "ended", "anna")
    second["status"] = "failed"
    search(six)
    assert decide(six, "ended", "anna", "adam") == ["proposed", "done"]
    search(six)
    with six.engine.connect() as connection:
        assert duplicates.count_open(connection) == 0
    second["status"] = "processing"  # it had not ended: people decide again
    search(six)
    with six.engine.connect() as connection:
        assert duplicates.count_open(connection) == 1


@pytest.mark.database
def test_a_pending_second_one_is_cancelled_though_everything_is_stopped(
    six: ManualDispatcher,
) -> None:
    with six.engine.begin() as connection:
        kill_switch.engage(connection, True, "olga", "stop")
    second = double(six, 0, "pending")
    search(six)
    assert second["status"] == "canceled"
    with six.engine.connect() as connection:
        assert duplicates.count_open(connection) == 1  # people still decide about it


@pytest.mark.database
def test_a_third_one_after_the_decision_is_another_finding(six: ManualDispatcher) -> None:
    double(six, 0)
    search(six)
    decide(six, "accepted", "anna", "adam")
    double(six, 0)
    search(six)
    with six.engine.connect() as connection:
        assert duplicates.count_open(connection) == 1


@pytest.mark.database
def test_who_had_a_hand_in_the_batch_does_not_confirm(six: ManualDispatcher) -> None:
    double(six, 0)
    search(six)
    six.rows("UPDATE batch SET barred = '{adam}' RETURNING 1")
    with pytest.raises(NotAllowed):
        decide(six, "accepted", "anna", "adam")
    with pytest.raises(Exception, match="had a hand"), six.engine.begin() as connection:
        run(connection, "UPDATE duplicate SET decided_by = 'adam', decided_at = now()")


@pytest.mark.database
def test_while_a_second_one_is_alive_it_is_searched_more_often(six: ManualDispatcher) -> None:
    double(six, 0)
    search(six)
    six.provider.listed.clear()
    six.pass_time(six.timing.duplicates_every_s / 9)
    six.detector.search()
    assert six.provider.listed
    decide(six, "accepted", "anna", "adam")
    six.provider.listed.clear()
    six.pass_time(six.timing.duplicates_every_s / 9)
    six.detector.search()
    assert not six.provider.listed
