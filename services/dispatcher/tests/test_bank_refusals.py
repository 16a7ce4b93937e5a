"""A bank that refuses after the fact stops its source account after the first few payments."""

from uuid import UUID

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain.bank_refusals import REFUSALS_MAX, find_stopping, is_of_source
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S


def test_each_code_stops_at_its_own_number() -> None:
    for code, most in REFUSALS_MAX.items():
        assert is_of_source(code)
        assert find_stopping([code] * (most - 1)) == ""
        assert find_stopping(["something_else", *[code] * most]) == code
    assert not is_of_source("payment_invalid_destination_account")


@pytest.mark.database
@pytest.mark.parametrize("code", sorted(REFUSALS_MAX))
def test_the_source_stops_and_pays_again_after_a_person_resumed_it(
    engines: tuple[Engine, Engine], code: str
) -> None:
    dispatcher = ManualDispatcher(*engines, count=24, batch_id=UUID(int=7))
    dispatcher.turn(12)
    account = dispatcher.rows(
        """
        SELECT account_index FROM payment
        WHERE provider_id IS NOT NULL
        GROUP BY account_index
        ORDER BY count(*) DESC
        LIMIT 1"""
    )[0].account_index
    sent = dispatcher.rows(
        """
        SELECT provider_id FROM payment
        WHERE account_index = :account AND provider_id IS NOT NULL
        ORDER BY payment_id""",
        account=account,
    )
    for n, row in enumerate(sent[: REFUSALS_MAX[code]], start=1):
        dispatcher.provider.books[row.provider_id] |= {
            "status": "failed",
            "error": {"sub_type": code.upper(), "message": "the bank says no"},
        }
        dispatcher.pass_time(HOUR_S)
        dispatcher.poller.poll()
        stops = dispatcher.rows("SELECT * FROM source_stop")
        assert len(stops) == (1 if n == REFUSALS_MAX[code] else 0)
    assert (stops[0].account_index, stops[0].reason_code, stops[0].reason) == (
        account,
        code,
        "the bank says no",
    )
    assert dispatcher.published("dispatch-changed.v1")[-1]["stopped_sources"]
    dispatcher.pass_time(60)
    dispatcher.turn(24)
    unsent = dispatcher.rows("SELECT account_index FROM payment WHERE status = 'unprocessed'")
    assert {row.account_index for row in unsent} == {account}
    dispatcher.order("resume")
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()  # what was refused before does not stop it again
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []
    dispatcher.turn(24)
    assert dispatcher.rows("SELECT 1 FROM payment WHERE status = 'unprocessed'") == []


@pytest.mark.database
def test_a_refusal_of_the_loan_stops_no_source(dispatcher: ManualDispatcher) -> None:
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id] |= {
        "status": "failed",
        "error": {"sub_type": "PAYMENT_INVALID_DESTINATION_ACCOUNT", "message": "closed"},
    }
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert dispatcher.payment.status == "failed"
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []


@pytest.mark.database
def test_late_returns_stop_no_source(engines: tuple[Engine, Engine]) -> None:
    dispatcher = ManualDispatcher(*engines, count=6, batch_id=UUID(int=7))
    dispatcher.turn(6)
    for status in ("posted", "reversal_processing"):
        for line in dispatcher.provider.books.values():
            line["status"] = status
            if status == "reversal_processing":
                line["error"] = {"sub_type": "PAYMENT_INSUFFICIENT_FUNDS", "message": "no funds"}
        dispatcher.pass_time(24 * HOUR_S)
        dispatcher.poller.poll()
    returns = dispatcher.rows("SELECT reason_code FROM payment")
    assert {row.reason_code for row in returns} == {"payment_insufficient_funds"}
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []
