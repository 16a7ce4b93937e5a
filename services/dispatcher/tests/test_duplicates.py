"""Payments that are alive twice at the provider, or once though they ended here: found, bound to the one that stays, the other cancelled."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.dispatcher import commands
from services.dispatcher.commands import Order
from services.dispatcher.tests.harness import Desk, refusing
from services.dispatcher.tests.test_lookup import HOUR_S, executed, in_doubt_for_good

pytestmark = pytest.mark.database


@pytest.fixture
def twice(desk: Desk) -> tuple[Desk, dict[str, Any], dict[str, Any]]:
    """Attempt 1 was seen absent three times, attempt 2 was accepted, and then attempt 1 turns up: (desk, ours, the late one)."""
    in_doubt_for_good(desk)
    desk.look(3)
    desk.turn()
    return desk, desk.provider.books[desk.payment.provider_id], executed(desk, 1)


def search(desk: Desk) -> None:
    desk.statements.searched_at = 0.0
    desk.statements.search_duplicates()


def test_the_one_we_do_not_hold_is_cancelled_while_it_is_pending(twice: Any) -> None:
    desk, ours, late = twice
    search(desk)
    assert (ours["status"], late["status"], desk.payment.provider_id) == (
        "pending",
        "canceled",
        ours["id"],
    )
    assert "duplicate_cancel" in desk.flags()


def test_what_has_gone_out_already_is_the_one_that_stays_and_ours_is_cancelled(twice: Any) -> None:
    desk, ours, late = twice
    late["status"] = "processing"
    search(desk)
    assert (ours["status"], late["status"]) == ("canceled", "processing")
    assert (desk.payment.status, desk.payment.provider_id) == ("pending", late["id"])
    desk.later(HOUR_S)
    desk.follower.poll()
    assert desk.payment.status == "pending"


def test_a_crash_between_binding_and_cancelling_is_mended_by_the_next_search(twice: Any) -> None:
    desk, ours, late = twice
    late["status"] = "sent"
    desk.statements.reader.call = lambda *_: (_ for _ in ()).throw(SystemExit)  # the power goes out
    with pytest.raises(SystemExit):
        search(desk)
    del desk.statements.reader.call
    assert (desk.payment.status, desk.payment.provider_id) == ("completed", late["id"])
    search(desk)
    assert ours["status"] == "canceled"


def test_both_gone_out_is_an_alarm_and_nothing_is_touched(twice: Any) -> None:
    desk, ours, late = twice
    ours["status"] = late["status"] = "sent"
    search(desk)
    assert (desk.payment.provider_id, desk.flags()) == (ours["id"], ["duplicate"])


def test_where_the_bound_one_has_ended_the_payment_stands_on_the_other(twice: Any) -> None:
    desk, ours, late = twice
    ours["status"] = "failed"
    search(desk)
    assert (desk.payment.status, desk.payment.provider_id, late["status"]) == (
        "pending",
        late["id"],
        "pending",
    )


def test_it_is_noticed_days_after_the_first_attempt(twice: Any) -> None:
    desk, _, late = twice
    with desk.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE attempt SET provider_date = provider_date - interval '9 days' WHERE n = 1"
        )
    desk.provider.asked.clear()
    search(desk)
    first = desk.rows(
        "SELECT CAST(min(provider_date) - interval '2 days' AS date) AS day FROM attempt"
    )[0].day
    assert [asked["from_date"] for asked in desk.provider.asked] == [first.isoformat()]
    assert late["status"] == "canceled"


def test_before_it_is_sent_anew_the_one_that_turned_up_is_bound(desk: Desk) -> None:
    in_doubt_for_good(desk)
    desk.look(3)
    late = executed(desk, 1)
    assert desk.payment.status == "unprocessed"
    search(desk)
    assert (desk.payment.status, desk.payment.provider_id, desk.turn()) == (
        "pending",
        late["id"],
        0,
    )


def test_a_cancelled_payment_that_turns_up_is_cancelled_there_as_well(desk: Desk) -> None:
    in_doubt_for_good(desk)
    with desk.engine.begin() as connection:
        commands.command(connection, desk.batch_id, "cancel", Order("a", "enough"))
    desk.look(3)
    assert desk.payment.status == "cancelled"
    late = executed(desk, 1)
    search(desk)
    assert late["status"] == "canceled"


def test_a_payment_of_other_money_is_never_bound(desk: Desk) -> None:
    in_doubt_for_good(desk)
    desk.look(3)
    executed(desk, 1, amount=7)
    search(desk)
    assert (desk.payment.status, desk.payment.provider_id, desk.flags()) == (
        "unprocessed",
        None,
        ["duplicate"],
    )


def test_a_closed_batch_is_looked_at_every_night_and_a_late_one_is_found(desk: Desk) -> None:
    desk.turn()
    desk.provider.books[desk.payment.provider_id]["status"] = "posted"
    desk.later(HOUR_S)
    desk.follower.poll()
    desk.rows("UPDATE batch SET status = 'completed' RETURNING 1")
    desk.later(60)
    assert desk.statements.take()
    desk.later(HOUR_S)
    assert not desk.statements.take()
    late = executed(desk, 1)
    desk.later(24 * HOUR_S)
    assert desk.statements.take()
    assert late["status"] == "canceled"
    assert len(desk.said("statement-closed.v1")) == 2


def test_a_statement_that_is_cut_short_is_taken_again_also_of_a_closed_batch(desk: Desk) -> None:
    desk.turn()
    desk.provider.books[desk.payment.provider_id]["status"] = "posted"
    desk.later(HOUR_S)
    desk.follower.poll()
    desk.rows("UPDATE batch SET status = 'completed', statement_wanted_by = 'olga' RETURNING 1")
    desk.later(60)
    desk.provider.away = True
    assert not desk.statements.take()
    desk.provider.away = False
    desk.later(60)
    assert desk.statements.take()
    (closed,) = desk.said("statement-closed.v1")
    assert (closed["complete"], closed["lines"], closed["requested_by"]) == (True, 1, "olga")
    desk.later(60)
    assert not desk.statements.take()


def test_a_statement_tells_of_dead_letters_and_survives_what_strangers_write(desk: Desk) -> None:
    desk.turn()
    line = desk.provider.books[desk.payment.provider_id]
    line["status"] = "posted"
    desk.provider.accept({**line, "metadata": {"attempt": "first", "payment_id": 7}})
    desk.provider.accept({"source": line["source"], "amount": "1.00"})
    desk.later(HOUR_S)
    desk.follower.poll()
    desk.rows(
        """INSERT INTO dead_letter (consumer, topic, partition, message_offset, correlation, body, code, reason)
                 VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r') RETURNING 1""",
        b=str(desk.batch_id),
    )
    desk.later(60)
    assert desk.statements.take()
    assert (
        desk.said("statement-closed.v1")[0]["dead_letters"],
        len(desk.said("statement-line.v1")),
    ) == (1, 3)


def test_where_the_first_attempts_clock_is_not_known_everything_is_read(desk: Desk) -> None:
    desk.provider.last_date = None
    desk.provider.script = [refusing(400, "INVALID_SOURCE")]
    desk.turn()
    with desk.engine.begin() as connection:
        commands.command(connection, desk.batch_id, "resume", Order("a", ""))
    desk.provider.last_date = datetime.now(UTC)
    desk.turn()
    desk.provider.asked.clear()
    search(desk)
    assert [set(asked) for asked in desk.provider.asked] == [{"source"}]
