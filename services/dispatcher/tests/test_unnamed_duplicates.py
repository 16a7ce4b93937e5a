"""A second live payment beside one that people have bound, and that names no payment of ours."""

from typing import Any

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain.duplicates import (
    PaymentSnapshot,
    find_duplicates,
    name_bound_lines,
)
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_commands import decide
from services.dispatcher.tests.test_duplicates import search
from services.dispatcher.tests.test_held_exits import without_metadata
from services.dispatcher.tests.test_lookup import HOUR_S, executed


def test_a_bound_line_gets_the_name_of_the_payment_and_all_others_keep_theirs() -> None:
    ours = {"p": PaymentSnapshot("pending", "pmt_1"), "q": PaymentSnapshot("unprocessed")}
    other = {"id": "pmt_2", "status": "pending", "metadata": {"payment_id": "p"}}
    unknown = {"id": "pmt_3", "status": "sent", "metadata": None}
    unnamed = {"id": "pmt_1", "status": "pending", "metadata": None}
    named = name_bound_lines([unnamed, other, unknown], ours)
    assert named[0]["metadata"] == {"payment_id": "p"}
    assert named[1:] == [other, unknown]
    assert name_bound_lines([other], {"q": PaymentSnapshot("pending", "pmt_2")}) == [other]
    (duplicate,) = find_duplicates(named, ours)
    assert (duplicate.cancel, duplicate.alive) == (("pmt_2",), ("pmt_1", "pmt_2"))


def bind_unnamed(dispatcher: ManualDispatcher) -> dict[str, Any]:
    """People bind the payment to one that came without its metadata; returns that one."""
    line = without_metadata(dispatcher)
    dispatcher.order("resume")
    decide(dispatcher, "bind", line["id"])
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", line["id"])
    return line


def findings(dispatcher: ManualDispatcher) -> list[tuple[list[str], int]]:
    rows = dispatcher.rows("SELECT provider_ids, alive FROM duplicate")
    return [(sorted(row.provider_ids), row.alive) for row in rows]


@pytest.mark.database
def test_a_late_second_one_is_cancelled_and_stops_the_source(dispatcher: ManualDispatcher) -> None:
    line = bind_unnamed(dispatcher)
    late = executed(dispatcher, 1)
    search(dispatcher)
    assert (line["status"], late["status"]) == ("pending", "canceled")
    assert findings(dispatcher) == [([line["id"], late["id"]], 2)]
    (stop,) = dispatcher.rows("SELECT reason_code FROM source_stop")
    assert stop.reason_code == "duplicate_at_provider"
    assert dispatcher.payment.provider_id == line["id"]


@pytest.mark.database
def test_what_was_paid_twice_waits_for_a_decision_in_the_statement(
    dispatcher: ManualDispatcher,
) -> None:
    line = bind_unnamed(dispatcher)
    late = executed(dispatcher, 1)
    line["status"] = late["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert dispatcher.payment.status == "completed"
    dispatcher.pass_time(HOUR_S)
    assert dispatcher.taker.take()
    assert findings(dispatcher) == [([line["id"], late["id"]], 2)]
    assert dispatcher.published("statement-closed.v1")[-1]["undecided_duplicates"] == 1


@pytest.mark.database
def test_the_walk_of_a_new_process_counts_both(engines: tuple[Engine, Engine]) -> None:
    dispatcher = ManualDispatcher(*engines, count=2)
    dispatcher.rows(  # something is left to be sent, so the batch is walked again
        "UPDATE payment SET ready = false WHERE payment_id <> :id RETURNING 1",
        id=dispatcher.payment.payment_id,
    )
    line = bind_unnamed(dispatcher)
    late = executed(dispatcher, 1)
    line["status"] = late["status"] = "processing"
    search(dispatcher)
    dispatcher.begin_process()
    assert dispatcher.walker.walk()
    assert findings(dispatcher) == [([line["id"], late["id"]], 2)]


@pytest.mark.database
def test_nothing_is_cancelled_for_a_binding_to_other_money(dispatcher: ManualDispatcher) -> None:
    line = without_metadata(dispatcher, amount=5)
    decide(dispatcher, "bind", line["id"])  # and nobody has read it yet
    late = executed(dispatcher, 1)
    search(dispatcher)
    assert (line["status"], late["status"]) == ("pending", "pending")
