"""What the gateway makes of the services' answers, also when they give none."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from libs.common.contracts.errors import SettingsError
from services.gateway.settings import GatewaySettings, check_demo
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT, TOKEN, batch, certificate, summary

pytestmark = pytest.mark.database
ONE = f"/batches/{BATCH}"


def test_health_needs_no_sign_in_and_says_nothing(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get("/health")

    answer = gateway.run(work)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_service_is_told_who_asks_and_under_which_id(gateway: Gateway) -> None:
    answer = gateway.ask(
        "GET",
        f"{ONE}/rows?limit=5&cursor=abc&status=payable,refused&source=s%26x&unknown=1",
        headers={
            "X-Request-Id": "mine",
            "X-Paydown-Actor": "demo-admin",
            "X-Paydown-Roles": "approver",
            "X-Paydown-Internal": "guess",
        },
    )
    sent = gateway.ingest.headers[0]
    assert (sent["x-paydown-internal"], sent["x-paydown-actor"], sent["x-paydown-roles"]) == (
        TOKEN,
        "demo-auditor",
        "auditor",
    )
    assert sent["x-request-id"] == answer.headers["x-request-id"] == "mine"
    assert gateway.ingest.queries == ["limit=5&cursor=abc&status=payable%2Crefused&source=s%26x"]


def test_changes_are_ingests_and_a_kind_there_is_not_is_asked_of_nobody(gateway: Gateway) -> None:
    found: dict[str, Any] = {"items": [], "next": None, "total": 0, "against": None, "counts": {}}
    gateway.ingest.says("GET", f"{ONE}/changes", found)
    assert gateway.ask("GET", f"{ONE}/changes?limit=2&kind=loan&q=ada").json() == found
    assert gateway.ask("GET", f"{ONE}/changes").json() == found
    assert gateway.ask("GET", f"{ONE}/changes?kind=colour").status_code == 422
    assert gateway.ingest.queries == ["limit=2&q=ada&kind=loan", "limit=100"]


def test_a_batch_before_its_approval_has_no_payments_and_an_estimate_if_there_is_one(
    gateway: Gateway,
) -> None:
    gateway.ingest.says("GET", ONE, batch("ready"))
    gateway.dispatcher.says("GET", ONE, {"state": None, "eta_s": 90, "stopped_sources": []})
    gateway.reports.away = httpx.ConnectError("refused")
    found = gateway.ask("GET", ONE).json()
    assert (found["status"], found["payments"]["total"], found["eta_s"]) == ("ready", 0, 90)
    gateway.dispatcher.away = httpx.ConnectError("refused")
    assert gateway.ask("GET", ONE).json()["eta_s"] is None


def test_an_approved_batch_is_composed_of_three_services(gateway: Gateway) -> None:
    stopped = [
        {"source_account_id": "s", "reason_code": "INSUFFICIENT_FUNDS", "reason": "no funds"}
    ]
    gateway.ingest.says("GET", ONE, batch("paying"))
    gateway.reports.says("GET", f"{ONE}/summary", summary(completed=2, pending=3))
    gateway.dispatcher.says(
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
    found = gateway.ask("GET", ONE).json()
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


@pytest.mark.parametrize("name", ["reports", "dispatcher", "ingest"])
def test_a_part_that_is_away_is_503_and_never_an_invented_figure(
    gateway: Gateway, name: str
) -> None:
    gateway.ingest.says("GET", ONE, batch("paying"))
    gateway.reports.says("GET", f"{ONE}/summary", summary(pending=5))
    for error, status in (
        (httpx.ConnectError("x"), 503),
        (httpx.ReadTimeout("x"), 504),
        (httpx.ReadError("x"), 502),
        (httpx.RemoteProtocolError("x"), 502),
        (httpx.PoolTimeout("x"), 503),
    ):
        gateway.fakes[name].away = error
        answer = gateway.ask("GET", ONE)
        assert (answer.status_code, answer.json()["code"]) == (status, "upstream.away")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["money"]


def test_final_figures_are_waited_for_and_not_shown_before(gateway: Gateway) -> None:
    gateway.ingest.says("GET", ONE, batch("completed", certificate=certificate(paid=5)))
    gateway.dispatcher.says("GET", ONE, {"message": "unknown"}, 404)
    answers = iter([summary(pending=5), summary(completed=4, pending=1)])
    late = summary(completed=5)

    class Late(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await Response(json.dumps(next(answers, late)), media_type="application/json")(
                scope, receive, send
            )

    gateway.reports.answers["GET", f"{ONE}/summary"] = Late()
    assert gateway.ask("GET", ONE).json()["payment_amount_cents"]["completed"] == 500
    assert len(gateway.reports.calls) == 3


def test_figures_that_stay_behind_a_final_status_are_503(gateway: Gateway) -> None:
    gateway.ingest.says("GET", ONE, batch("completed", certificate=certificate(paid=5)))
    gateway.reports.says("GET", f"{ONE}/summary", summary(completed=4, pending=1))
    answer = gateway.ask("GET", ONE)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "reports.behind",
        "2",
    )


def test_a_services_problem_is_passed_on_unchanged(gateway: Gateway) -> None:
    problem = {
        "type": "urn:paydown:batch.repeat",
        "status": 409,
        "code": "batch.repeat",
        "detail": "…",
        "batch_id": BATCH,
    }
    gateway.ingest.says("POST", "/batches", problem, 409)
    answer = gateway.ask("POST", "/batches?filename=a.xml", "preparer", content=b"<root/>")
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (
        409,
        problem,
        "application/problem+json",
    )
    gateway.ingest.says("GET", ONE, {"code": "batch.unknown"}, 404)
    assert (gateway.ask("GET", ONE).status_code, gateway.ask("GET", ONE).json()) == (
        404,
        {"code": "batch.unknown"},
    )


def test_a_service_that_fails_or_refuses_the_gateway_is_502(gateway: Gateway) -> None:
    for status in (500, 401):
        gateway.ingest.says("GET", "/batches", {"code": "internal"}, status)
        answer = gateway.ask("GET", "/batches")
        assert (answer.status_code, answer.json()["code"]) == (502, "upstream.failed")


def test_a_nonsense_id_is_404_and_nobody_is_asked(gateway: Gateway) -> None:
    for path in (
        "/batches/nonsense",
        "/batches/nonsense/rows",
        "/payments/nonsense",
        f"{ONE}/reports/else.csv",
    ):
        answer = gateway.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (
        gateway.ask("POST", "/batches/%00/approve", "approver", json={"digest": "x"}).status_code
        == 404
    )
    assert not any(fake.calls for fake in gateway.fakes.values())
    assert gateway.ask("GET", "/nowhere").headers["content-type"] == "application/problem+json"


def test_an_upload_goes_through_as_it_comes_and_is_never_held(gateway: Gateway) -> None:
    sent, furthest, chunk = 0, 0, bytes(1_000_000)
    gateway.ingest.says("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent, furthest
        for _ in range(200):
            sent += len(chunk)
            yield chunk
            furthest = max(furthest, sent - gateway.ingest.received)

    answer = gateway.ask(
        "POST",
        "/batches?filename=a.xml&period=2026-11-20&repeat_reason=why%3F",
        "preparer",
        content=body(),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/xml"},
    )
    assert (answer.status_code, gateway.ingest.received) == (202, 200_000_000)
    assert furthest <= 2 * len(chunk)
    assert gateway.ingest.queries == ["filename=a.xml&period=2026-11-20&repeat_reason=why%3F"]
    assert gateway.ingest.headers[0]["content-encoding"] == "gzip"


def test_an_upload_that_says_it_is_too_large_is_413_before_it_is_read(gateway: Gateway) -> None:
    answer = gateway.ask(
        "POST",
        "/batches?filename=a.xml",
        "preparer",
        content=b"x" * 64,
        headers={"Content-Length": str(3 * 10**9)},
    )
    assert (answer.status_code, answer.json()["code"], answer.headers["connection"]) == (
        413,
        "upload.too-large",
        "close",
    )
    assert not gateway.ingest.calls


def test_an_upload_that_turns_out_too_large_is_413(gateway: Gateway) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(301):
            yield bytes(1_000_000)

    answer = gateway.ask("POST", "/batches?filename=a.xml", "preparer", content=body())
    assert (answer.status_code, answer.json()["code"]) == (413, "upload.too-large")


def test_orders_are_passed_on_as_the_services_expect_them(gateway: Gateway) -> None:
    offered = [{"source_account_id": "s", "field": "state", "from": "IA", "to": "KS"}]
    gateway.ask("POST", f"{ONE}/corrections", "preparer", json={"corrections": offered})
    gateway.ask(
        "POST",
        f"{ONE}/child-batches",
        "preparer",
        json={"filter": {"status": "failed"}, "reason": "again"},
    )
    gateway.ask("POST", f"{ONE}/approve", "approver", json={"digest": "d", "acknowledge": ["W_A"]})
    assert [json.loads(body) for body in gateway.ingest.bodies] == [
        {"corrections": offered},
        {"filter": {"status": "failed"}, "reason": "again"},
        {"digest": "d", "acknowledge": ["W_A"], "include": []},
    ]
    gateway.ask(
        "POST",
        f"/payments/{PAYMENT}/held",
        "approver",
        json={"act": "bind", "provider_payment_id": "pmt_1", "reason": "seen"},
    )
    gateway.ask("POST", "/reconciliation/runs", "operator", json={"batch_id": BATCH})
    gateway.ask("POST", f"{ONE}/cancel", "approver", json={"reason": "half way"})
    gateway.ask("POST", f"{ONE}/resume", "approver")
    assert [json.loads(body) for body in gateway.dispatcher.bodies] == [
        {"act": "bind", "reason": "seen", "provider_payment_id": "pmt_1"},
        {"batch_id": BATCH},
        {"reason": "half way"},
        {"reason": ""},
    ]


def test_a_payments_story_is_joined_from_four_services(gateway: Gateway) -> None:
    row = {
        "at": "2026-11-20T10:00:00Z",
        "kind": "row",
        "title": "Row 1",
        "detail": "",
        "evidence": "r",
    }
    gateway.reports.says(
        "GET",
        f"/payments/{PAYMENT}",
        {"payment_id": PAYMENT, "status": "pending", "timeline": [row]},
    )
    gateway.ingest.says(
        "GET",
        f"/payments/{PAYMENT}",
        {"issues": [{"code": "W_A", "file_row": 1, "field": "zip", "message": "m"}]},
    )
    gateway.dispatcher.says(
        "GET",
        f"/payments/{PAYMENT}",
        {
            "attempts": [
                {
                    "n": 1,
                    "first_sent_at": "2026-11-20T10:00:02Z",
                    "outcome": "accepted",
                    "idempotency_key": "e",
                }
            ],
            "flags": [],
        },
    )
    gateway.ledger.says(
        "GET",
        "/journals",
        {"items": [{"journal_id": "j", "kind": "hold", "posted_at": "2026-11-20T10:00:01Z"}]},
    )
    found = gateway.ask("GET", f"/payments/{PAYMENT}").json()
    assert [line["kind"] for line in found["timeline"]] == ["row", "issue", "journal", "attempt"]
    assert gateway.ledger.queries == [f"payment_id={PAYMENT}"]
    gateway.dispatcher.says("GET", f"/payments/{PAYMENT}", {"code": "payment.unknown"}, 404)
    assert gateway.ask("GET", f"/payments/{PAYMENT}").status_code == 200
    gateway.dispatcher.away = httpx.ConnectError("refused")
    assert gateway.ask("GET", f"/payments/{PAYMENT}").status_code == 503


def test_a_report_is_passed_through_with_its_name(gateway: Gateway) -> None:
    path = f"{ONE}/reports/payments.csv"
    gateway.reports.answers["GET", path] = Response(
        b"a,b\r\n" * 1000,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="payments.csv"'},
    )
    answer = gateway.ask("GET", path)
    assert (answer.content, answer.headers["content-disposition"]) == (
        b"a,b\r\n" * 1000,
        'attachment; filename="payments.csv"',
    )
    gateway.reports.says("GET", path, {"code": "reports.behind"}, 503)
    assert (gateway.ask("GET", path).status_code, gateway.ask("GET", path).json()) == (
        503,
        {"code": "reports.behind"},
    )


def test_dead_letters_of_all_services_are_one_list_and_redriven_where_they_lie(
    gateway: Gateway,
) -> None:
    for fake in gateway.fakes.values():
        fake.says(
            "GET", "/ops/dead-letters", {"items": [{"dead_letter_id": 12, "code": "event.unknown"}]}
        )
    gateway.reports.away = httpx.ConnectError("refused")
    found = gateway.ask("GET", "/ops/dead-letters", "operator").json()
    assert [item["dead_letter_id"] for item in found["items"]] == [
        "ingest:12",
        "dispatcher:12",
        "webhooks:12",
        "ledger:12",
    ]
    assert (found["total"], found["away"]) == (4, ["reports"])
    gateway.ledger.says(
        "POST",
        "/ops/dead-letters/12/redrive",
        {"dead_letter_id": 12, "redriven_by": "demo-operator"},
    )
    assert (
        gateway.ask("POST", "/ops/dead-letters/ledger:12/redrive", "operator").json()["redriven_by"]
        == "demo-operator"
    )
    assert gateway.ask("POST", "/ops/dead-letters/nobody:12/redrive", "operator").status_code == 404
    assert gateway.ask("POST", "/ops/dead-letters/12/redrive", "operator").status_code == 404


def test_health_of_all_services_shows_who_is_away(gateway: Gateway) -> None:
    for fake in gateway.fakes.values():
        fake.says("GET", "/health/ready", {"ready": True, "checks": {"migrations": True}})
        fake.answers["GET", "/metrics"] = Response(
            f"# TYPE paydown_{fake.name}_outbox_waiting gauge\npaydown_{fake.name}_outbox_waiting 3.0\n"
        )
    gateway.ledger.away = httpx.ConnectTimeout("x")
    gateway.dispatcher.says(
        "GET",
        "/health/ready",
        {"ready": True, "checks": {"migrations": True}, "held": "It is an older copy."},
    )
    gateway.reports.says(
        "GET", "/health/ready", {"ready": False, "checks": {"migrations": False}}, 503
    )
    gateway.reports.says("GET", "/metrics", {"code": "database.away"}, 503)
    found = gateway.ask("GET", "/ops/health", "operator").json()
    assert found["ready"] is False
    assert {one["name"]: (one["ready"], one["away"]) for one in found["services"]} == {
        "ingest": (True, False),
        "dispatcher": (False, False),
        "webhooks": (True, False),
        "ledger": (False, True),
        "reports": (False, False),
        "gateway": (True, False),
    }
    assert [one["name"] for one in found["services"] if one["held"]] == ["dispatcher"]
    assert found["services"][0]["figures"] == {"outbox_waiting": 3.0}


def test_demo_sign_in_is_refused_where_strangers_or_real_money_are() -> None:
    def settings(host: str) -> GatewaySettings:
        return GatewaySettings(
            database_url="postgresql+psycopg2://x", internal_token=TOKEN, host=host
        )

    check_demo(settings("127.0.0.1"), {"PAYDOWN_DISPATCHER_PROVIDER_URL": "http://127.0.0.1:8200"})
    for host in ("0.0.0.0", "10.1.2.3", "gateway"):
        with pytest.raises(SettingsError, match=r"127\.0\.0\.1"):
            check_demo(settings(host), {})
    for published, fine in (
        ("127.0.0.1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
    ):  # of a container, which listens on all its addresses
        inside = settings("0.0.0.0").model_copy(update={"published_host": published})
        with (
            contextlib.nullcontext()
            if fine
            else pytest.raises(SettingsError, match="PUBLISHED_HOST must be")
        ):
            check_demo(inside, {})
    with pytest.raises(SettingsError, match="moves money"):
        check_demo(
            settings("127.0.0.1"),
            {"PAYDOWN_DISPATCHER_PROVIDER_URL": "https://production.methodfi.com"},
        )


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", f"{ONE}/rows?q=%00", {}),
        ("GET", "/ledger/journals?kind=%00", {}),
        ("POST", f"{ONE}/discard", {"json": {"reason": "a\x00"}}),
        ("POST", f"/payments/{PAYMENT}/held", {"json": {"act": "close", "reason": "\x00"}}),
    ],
)
def test_a_text_no_database_can_hold_is_refused_at_the_door(
    gateway: Gateway, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = gateway.ask(method, path, "approver", **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert not any(fake.calls for fake in gateway.fakes.values())
