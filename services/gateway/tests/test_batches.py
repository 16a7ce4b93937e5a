"""How a batch is composed from the answers of three services."""

import json
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from libs.common.contracts.statuses import UNAPPROVED_BATCHES
from services.gateway.domain import batches
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, batch, certificate, summary

ONE = f"/batches/{BATCH}"


@pytest.mark.parametrize(
    ("status", "state", "shown"),
    [
        ("paying", "paying", "paying"),
        ("paying", "paused", "pausing"),
        ("paused", "paused", "paused"),
        ("approved", "cancelled", "cancelling"),
        ("paying", "cancelled", "cancelling"),
        ("paused", "cancelled", "cancelling"),
        ("cancelled", "cancelled", "cancelled"),
        ("ready", None, "ready"),
        ("completed", "paying", "completed"),
        ("paused", "paying", "paused"),
    ],
)
def test_a_command_shows_at_once_and_the_status_when_the_batch_follows(
    status: str, state: str | None, shown: str
) -> None:
    assert batches.shown_status(status, state) == shown


def test_a_final_batch_waits_for_figures_that_are_final_and_come_to_its_certificate() -> None:
    ended = batch("completed", certificate=certificate(paid=5))
    assert batches.figures_match_status(ended, summary(completed=5))
    # A payment came back; the next certificate will count it as reversed.
    assert batches.figures_match_status(ended, summary(completed=4, reversed=1))
    assert not batches.figures_match_status(ended, summary(completed=4, pending=1))
    assert not batches.figures_match_status(ended, summary())
    assert not batches.figures_match_status(ended, summary(completed=4))
    assert batches.figures_match_status(batch("paying"), summary(pending=5))


def test_before_its_approval_a_batch_is_shown_without_payments() -> None:
    assert not any(batches.has_payments(batch(status)) for status in UNAPPROVED_BATCHES)
    shown = batches.compose(batch("ready"), None, {"eta_s": 12})
    assert (
        shown["payments"]["total"],
        shown["payment_amount_cents"]["completed"],
        shown["eta_s"],
    ) == (0, 0, 12)


@pytest.mark.database
def test_a_batch_before_its_approval_has_no_payments_and_an_estimate_if_there_is_one(
    gateway: Gateway,
) -> None:
    gateway.ingest.will_answer("GET", ONE, batch("ready"))
    refused = {"rows": 3, "under_way": 1}
    gateway.dispatcher.will_answer(
        "GET",
        ONE,
        {"state": None, "eta_s": 90, "stopped_sources": [], "refused_by_provider": refused},
    )
    gateway.reports.away = httpx.ConnectError("refused")
    found = gateway.call("GET", ONE).json()
    assert (found["status"], found["payments"]["total"], found["eta_s"]) == ("ready", 0, 90)
    assert found["refused_by_provider"] == refused
    payable = batch("ready")["rows"]["payable"]
    assert gateway.dispatcher.queries[-1] == f"payable={payable}"  # it knows no payments yet
    assert found["dispatcher_answers"]
    gateway.dispatcher.away = httpx.ConnectError("refused")
    found = gateway.call("GET", ONE).json()
    assert (found["eta_s"], found["dispatcher_answers"]) == (None, False)


@pytest.mark.database
def test_an_approved_batch_is_composed_of_three_services(gateway: Gateway) -> None:
    stopped = [
        {"source_account_id": "s", "reason_code": "INSUFFICIENT_FUNDS", "reason": "no funds"}
    ]
    gateway.ingest.will_answer("GET", ONE, batch("paying"))
    gateway.reports.will_answer("GET", f"{ONE}/summary", summary(completed=2, pending=3))
    gateway.dispatcher.will_answer(
        "GET",
        ONE,
        {
            "state": "paused",
            "version": 2,
            "eta_s": 7,
            "in_doubt": 0,
            "held": 0,
            "stopped_sources": stopped,
        },
    )
    found = gateway.call("GET", ONE).json()
    assert (
        found["status"],
        found["payments"]["pending"],
        found["payment_amount_cents"]["completed"],
    ) == ("pausing", 3, 200)
    assert (found["eta_s"], found["stopped_sources"], found["filename"]) == (
        7,
        stopped,
        "roster.xml",
    )


@pytest.mark.database
@pytest.mark.parametrize("answer", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), 401, 500, 503])
def test_without_the_dispatcher_a_batch_is_shown_and_says_what_is_unknown(
    gateway: Gateway, answer: Exception | int
) -> None:
    gateway.ingest.will_answer("GET", ONE, batch("paying"))
    gateway.reports.will_answer("GET", f"{ONE}/summary", summary(pending=5))
    if isinstance(answer, int):
        gateway.dispatcher.will_answer("GET", ONE, {}, answer)
    else:
        gateway.dispatcher.away = answer
    found = gateway.call("GET", ONE).json()
    assert (found["status"], found["payments"]["pending"]) == ("paying", 5)
    assert (found["dispatcher_answers"], found["eta_s"], found["stopped_sources"]) == (
        False,
        None,
        [],
    )


@pytest.mark.database
@pytest.mark.parametrize("name", ["reports", "ingest"])
def test_a_service_that_is_away_is_a_problem_and_never_an_invented_figure(
    gateway: Gateway, name: str
) -> None:
    gateway.ingest.will_answer("GET", ONE, batch("paying"))
    gateway.reports.will_answer("GET", f"{ONE}/summary", summary(pending=5))
    for error, status in (
        (httpx.ConnectError("x"), 503),
        (httpx.ReadTimeout("x"), 504),
        (httpx.ReadError("x"), 502),
        (httpx.RemoteProtocolError("x"), 502),
        (httpx.PoolTimeout("x"), 503),
    ):
        gateway.fakes[name].away = error
        answer = gateway.call("GET", ONE)
        assert (answer.status_code, answer.json()["code"]) == (status, "upstream.away")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["money"]


@pytest.mark.database
def test_final_figures_are_waited_for_and_not_shown_before(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", ONE, batch("completed", certificate=certificate(paid=5)))
    gateway.dispatcher.will_answer("GET", ONE, {"message": "unknown"}, 404)
    answers = iter([summary(pending=5), summary(completed=4, pending=1)])
    late = summary(completed=5)

    class Late(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await Response(json.dumps(next(answers, late)), media_type="application/json")(
                scope, receive, send
            )

    gateway.reports.answers["GET", f"{ONE}/summary"] = Late()
    assert gateway.call("GET", ONE).json()["payment_amount_cents"]["completed"] == 500
    assert len(gateway.reports.calls) == 3


@pytest.mark.database
def test_figures_that_stay_behind_a_final_status_are_503(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", ONE, batch("completed", certificate=certificate(paid=5)))
    gateway.reports.will_answer("GET", f"{ONE}/summary", summary(completed=4, pending=1))
    answer = gateway.call("GET", ONE)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "reports.behind",
        "2",
    )
