"""The order of checks: who, may they, was it done, is it written down."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.responses import Response

from libs.common.database.engine import connect
from libs.common.web.pagination import write_cursor
from services.gateway import app
from services.gateway.auth.people import DemoPeople
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator
from services.gateway.domain import access, request_rules
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.settings import GatewaySettings
from services.gateway.store import audit, idempotency_keys
from services.gateway.store.idempotency_keys import ClaimResult, IdempotencyKey, StoredAnswer
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT, TOKEN, Fake, batch, summary

pytestmark = pytest.mark.database
DIGEST = "sha256:" + "0" * 64
BODIES: dict[str, Any] = {
    "/batches/{batch_id}/approve": {"digest": DIGEST},
    "/batches/{batch_id}/discard": {"reason": "no"},
    "/payments/{payment_id}/held": {"act": "look-up", "reason": "no"},
    "/batches/{batch_id}/corrections": {
        "corrections": [{"source_account_id": "s", "field": "state", "from": "IA", "to": "KS"}]
    },
    "/batches/{batch_id}/child-batches": {"filter": {"status": "failed"}, "reason": "again"},
    "/batches/{batch_id}/pause": {"reason": "wait"},
    "/batches/{batch_id}/cancel": {"reason": "stop"},
    "/batches/{batch_id}/resume": {"reason": "go"},
    "/reconciliation/runs": {},
    "/ops/kill-switch": {"on": True, "reason": "stop"},
    "/ops/restored/release": {"reason": "looked at"},
    "/tokens": {"name": "nightly", "person": "demo-preparer", "roles": ["preparer"]},
}
NAMES = {
    "batch_id": BATCH,
    "payment_id": PAYMENT,
    "name": "sources.csv",
    "dead_letter_id": "ledger:12",
    "token_id": PAYMENT,
}
SUCCESS = {
    ("POST", "/tokens"): 201,
    ("DELETE", "/tokens/{token_id}"): 404,
}  # there is no such token
UNSAFE = [route for route in access.ROUTE_ROLES if route[0] in access.UNSAFE_METHODS]
LIVE = ("GET", "/batches/{batch_id}/live")  # has no end; test_live.py reads it


def prepared(gateway: Gateway) -> None:
    gateway.ingest.says("GET", f"/batches/{BATCH}", batch("paying"))
    gateway.reports.says("GET", f"/batches/{BATCH}/summary", summary(pending=5))
    gateway.reports.says("GET", f"/payments/{PAYMENT}", {"payment_id": PAYMENT, "timeline": []})
    gateway.ledger.says("GET", "/journals", {"items": [], "next": None, "total": 0})
    for fake in gateway.fakes.values():
        fake.says("GET", "/ops/dead-letters", {"items": []})
        fake.says(
            "GET",
            "/restored",
            {
                "held": True,
                "settled": True,
                "why": "old",
                "progress": "",
                "noticed_at": None,
                "proposed_by": None,
                "released_by": None,
            },
        )
        fake.says("POST", "/restored/release", {"outcome": "proposed"})
        fake.says("GET", "/health/ready", {"ready": True, "checks": {}})
        fake.answers["GET", "/metrics"] = Response("")


def call(
    gateway: Gateway, method: str, template: str, who: str | None, **options: Any
) -> httpx.Response:
    if template in BODIES:
        options["json"] = BODIES[template]
    elif method == "POST":
        options["content"] = b"<root/>"
    return gateway.ask(method, template.format(**NAMES), who, **options)


@pytest.mark.parametrize(
    ("method", "template"), [route for route in access.ROUTE_ROLES if route != LIVE]
)
def test_every_route_for_every_role(gateway: Gateway, method: str, template: str) -> None:
    prepared(gateway)
    for who in (None, "stranger"):
        answer = call(gateway, method, template, who)
        assert (answer.status_code, answer.json()["code"]) == (401, "auth.required")
        assert answer.headers["content-type"] == "application/problem+json"
    assert not any(fake.calls for fake in gateway.fakes.values())
    for role in access.ROLES:
        before = sum(len(fake.calls) for fake in gateway.fakes.values())
        answer = call(gateway, method, template, role)
        if role in access.ROUTE_ROLES[method, template]:
            assert answer.status_code == SUCCESS.get((method, template), 200), answer.text
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
            assert sum(len(fake.calls) for fake in gateway.fakes.values()) == before


def test_the_table_says_what_the_design_says() -> None:
    may = {
        role: {route for route, roles in access.ROUTE_ROLES.items() if role in roles}
        for role in access.ROLES
    }
    assert {
        role for role in access.ROLES if ("POST", "/batches/{batch_id}/approve") in may[role]
    } == {"approver"}
    acts = {
        role: {path for method, path in may[role] if method != "GET"} - {"/session"}
        for role in access.ROLES
    }
    assert (acts["auditor"], acts["admin"]) == (set(), {"/tokens", "/tokens/{token_id}"})
    assert acts["preparer"] == {
        "/batches",
        "/batches/{batch_id}/discard",
        "/batches/{batch_id}/corrections",
        "/batches/{batch_id}/child-batches",
        "/payments/{payment_id}/held",
    }
    assert acts["operator"] == {
        "/ops/dead-letters/{dead_letter_id}/redrive",
        "/ops/kill-switch",
        "/ops/restored/release",
        "/reconciliation/runs",
    }
    reading = {
        route
        for route in access.ROUTE_ROLES
        if route[0] == "GET"
        and not route[1].startswith(("/ops/health", "/ops/dead", "/audit", "/tokens", "/people"))
    }
    assert all(reading <= may[role] for role in access.ROLES)


def test_every_route_of_the_api_is_in_the_table_and_every_line_of_the_table_is_a_route(
    gateway: Gateway,
) -> None:
    paths = gateway.app.openapi()["paths"]
    made = {
        (method.upper(), path.removeprefix(access.API))
        for path, item in paths.items()
        for method in item
        if path.startswith(access.API)
    }
    assert made == set(access.ROUTE_ROLES) | access.PUBLIC_ROUTES
    assert not set(access.ROUTE_ROLES) & access.PUBLIC_ROUTES
    assert {path for path in paths if not path.startswith(access.API)} == {"/health"}


def test_a_route_that_is_not_in_the_table_cannot_be_made(gateway: Gateway) -> None:
    kind: type[APIRoute] = guarded_route_class(
        RequestGuard(
            Authenticator(DemoPeople(), gateway.engine),
            AuditTrail(gateway.engine),
            RateLimiter(1),
            RateLimiter(1),
        )
    )
    router = APIRouter(prefix=access.API, route_class=kind)
    with pytest.raises(LookupError, match="POST /everything"):
        router.add_api_route("/everything", lambda: None, methods=["POST"])


def test_who_may_not_upload_is_told_so_before_the_body_is_read(gateway: Gateway) -> None:
    read = []

    async def body() -> Any:
        read.append(1)
        yield b"<root></root>"

    assert gateway.ask("POST", "/batches", "auditor", content=body()).status_code == 403
    assert gateway.ask("POST", "/batches", None, content=body()).status_code == 401
    assert not read


def test_a_body_that_is_none_is_a_problem_after_the_checks(gateway: Gateway) -> None:
    assert (
        gateway.ask("POST", f"/batches/{BATCH}/approve", "auditor", content=b"{").status_code == 403
    )
    answer = gateway.ask(
        "POST",
        f"/batches/{BATCH}/approve",
        "approver",
        content=b"{",
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert (
        gateway.ask(
            "POST", f"/batches/{BATCH}/discard", "preparer", json={"reason": ""}
        ).status_code
        == 422
    )


def test_an_unsafe_call_is_written_down_before_and_after_and_reading_is_not(
    gateway: Gateway,
) -> None:
    gateway.ingest.says("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    gateway.ask(
        "POST",
        "/batches?filename=Ida%20Li.xml",
        "preparer",
        content=b"<root/>",
        headers={"X-Request-Id": "mine"},
    )
    gateway.ask("POST", f"/batches/{BATCH}/approve", "auditor", json={"digest": DIGEST})
    gateway.ask("GET", "/batches", "auditor")
    assert gateway.lines() == [
        ("intent", "demo-preparer", "/api/v1/batches", None),
        ("outcome", "demo-preparer", "/api/v1/batches", 202),
        ("refused", "demo-auditor", f"/api/v1/batches/{BATCH}/approve", 403),
    ]
    page = gateway.ask("GET", f"/audit?q={BATCH}").json()
    assert (
        page["verified"],
        page["total"],
        page["items"][-1]["request_id"],
        page["items"][-1]["subject"],
    ) == (True, 2, "mine", BATCH)


def test_the_audit_log_pages_and_a_line_changed_behind_its_back_is_found(gateway: Gateway) -> None:
    for _ in range(3):
        gateway.ask("POST", f"/batches/{BATCH}/pause", "approver", json={})
    first = gateway.ask("GET", "/audit?limit=4").json()
    second = gateway.ask("GET", f"/audit?limit=4&cursor={first['next']}").json()
    assert [line["seq"] for line in first["items"] + second["items"]] == [6, 5, 4, 3, 2, 1]
    assert second["next"] is None
    with gateway.engine.begin() as connection:
        for statement in (
            "UPDATE audit SET person = 'x' WHERE seq = 3",
            "DELETE FROM audit WHERE seq = 3",
            "TRUNCATE audit",
        ):
            with pytest.raises(Exception, match="only grows"), connection.begin_nested():
                connection.execute(text(statement))
    with gateway.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE audit SET person = 'demo-admin' WHERE seq = 3"))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    found = gateway.ask("GET", "/audit").json()
    assert (found["verified"], found["first_broken"]) == (False, 3)


@pytest.mark.parametrize("path", ["/audit", "/tokens"])
def test_a_cursor_of_another_list_is_refused(gateway: Gateway, path: str) -> None:
    order = {"/audit": "audit:-seq", "/tokens": "tokens:-seq"}
    other = order["/tokens" if path == "/audit" else "/audit"]
    for cursor in (
        "7",
        "nonsense!",
        write_cursor(other, 7),
        write_cursor(order[path], "7"),
        write_cursor(order[path], 0),
        write_cursor(order[path], 2**63),
        write_cursor(order[path], 7, 7),
    ):
        answer = gateway.ask("GET", f"{path}?cursor={cursor}", "admin")
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid"), cursor
    last = write_cursor(order[path], 2**63 - 1)
    assert gateway.ask("GET", f"{path}?cursor={last}", "admin").status_code == 200


def test_many_at_once_make_one_chain(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        headers = {"Authorization": "Bearer demo-approver"}
        await asyncio.gather(
            *(
                client.post(f"/api/v1/batches/{BATCH}/pause", json={}, headers=headers)
                for _ in range(30)
            )
        )

    gateway.run(work)
    assert len(gateway.lines()) == 60
    with gateway.engine.connect() as connection:
        assert audit.first_broken_line(connection) is None


def test_what_cannot_be_written_down_is_not_done() -> None:
    fake = Fake("ingest")
    settings = GatewaySettings(
        database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none", internal_token=TOKEN
    )
    built = app.build(settings, {name: fake.client() for name in app.SERVICES})
    answer = Gateway(built.app(), connect(settings.database_url, "test"), {}).ask(
        "POST", f"/batches/{BATCH}/approve", "approver", json={"digest": DIGEST}
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "audit.away")
    assert not fake.calls


def test_the_same_key_is_the_same_answer_and_nothing_is_done_twice(gateway: Gateway) -> None:
    gateway.ingest.says("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    headers = {"Idempotency-Key": "k1", "Content-Encoding": "gzip"}
    first = gateway.ask(
        "POST", "/batches?filename=a.xml", "preparer", content=b"<root/>", headers=headers
    )
    gateway.ingest.says("POST", "/batches", {"code": "batch.live"}, 409)
    again = gateway.ask(
        "POST", "/batches?filename=a.xml", "preparer", content=b"<root/>", headers=headers
    )
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (
        202,
        first.json(),
        "true",
    )
    assert len(gateway.ingest.calls) == 1
    assert [kind for kind, *_ in gateway.lines()] == ["intent", "outcome", "replayed"]
    other = gateway.ask(
        "POST", "/batches?filename=b.xml", "preparer", content=b"<root/>", headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.reused")
    assert (
        gateway.ask("POST", "/batches?filename=a.xml", "preparer", content=b"<root/>").status_code
        == 409
    )


def test_a_key_is_its_owners_and_its_routes(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "k1"}
    for who, act in (("approver", "discard"), ("preparer", "discard"), ("approver", "pause")):
        gateway.ask("POST", f"/batches/{BATCH}/{act}", who, json={"reason": "r"}, headers=headers)
    assert len(gateway.ingest.calls) + len(gateway.dispatcher.calls) == 3
    assert (
        gateway.ask(
            "POST", f"/batches/{BATCH}/discard", "preparer", json={"reason": "s"}, headers=headers
        ).status_code
        == 422
    )
    assert (
        gateway.ask(
            "POST",
            f"/batches/{BATCH}/discard",
            "preparer",
            json={},
            headers={"Idempotency-Key": "k" * 256},
        ).status_code
        == 400
    )


def test_a_failure_is_not_kept_for_its_key_and_a_refusal_is(gateway: Gateway) -> None:
    path, headers = f"/batches/{BATCH}/pause", {"Idempotency-Key": "k2"}
    gateway.dispatcher.away = httpx.ConnectError("refused")
    assert gateway.ask("POST", path, "approver", json={}, headers=headers).status_code == 503
    gateway.dispatcher.away = None
    gateway.dispatcher.says("POST", path, {"code": "batch.ended", "detail": "x"}, 409)
    assert gateway.ask("POST", path, "approver", json={}, headers=headers).status_code == 409
    gateway.dispatcher.says("POST", path, {"state": "paused"})
    assert (
        gateway.ask("POST", path, "approver", json={}, headers=headers).json()["code"]
        == "batch.ended"
    )


def test_a_key_in_progress_is_409_until_its_process_must_be_dead(gateway: Gateway) -> None:
    key = IdempotencyKey("demo-approver", "POST", f"/api/v1/batches/{BATCH}/pause", "k3")
    first, second = (UUID(int=n) for n in (1, 2))
    with gateway.engine.begin() as connection:
        assert idempotency_keys.claim_key(connection, key, "f", first, 60) == ClaimResult()
    with gateway.engine.begin() as connection:
        assert idempotency_keys.claim_key(connection, key, "f", second, 60).in_progress
        connection.execute(text("UPDATE idempotency SET claimed_at = now() - interval '61 s'"))
        assert idempotency_keys.claim_key(connection, key, "f", second, 60) == ClaimResult()
        idempotency_keys.store_answer(
            connection, key, first, StoredAnswer(200, "application/json", b"{}")
        )  # it lives after all, and comes too late
        assert idempotency_keys.claim_key(connection, key, "f", first, 60).in_progress
        idempotency_keys.store_answer(
            connection, key, second, StoredAnswer(200, "application/json", b"{}")
        )
        assert idempotency_keys.claim_key(connection, key, "f", first, 60).answer == StoredAnswer(
            200, "application/json", b"{}"
        )


def test_two_at_once_with_one_key_are_done_once(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> list[int]:
        headers = {"Authorization": "Bearer demo-approver", "Idempotency-Key": "k4"}
        answers = await asyncio.gather(
            *(
                client.post(f"/api/v1/batches/{BATCH}/pause", json={}, headers=headers)
                for _ in range(5)
            )
        )
        return [a.status_code for a in answers]

    assert set(gateway.run(work)) <= {200, 409}
    assert len(gateway.dispatcher.calls) == 1


@pytest.mark.parametrize(
    ("method", "template"), [route for route in UNSAFE if route[1] != "/session"]
)
def test_every_unsafe_route_heeds_its_key(gateway: Gateway, method: str, template: str) -> None:
    prepared(gateway)
    who = sorted(access.ROUTE_ROLES[method, template])[0]
    first, again = (
        call(gateway, method, template, who, headers={"Idempotency-Key": "k5"}) for _ in range(2)
    )
    assert first.status_code < 500
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (
        first.status_code,
        "true",
    )
    for fake in gateway.fakes.values():
        assert sum(how != "GET" for how, _ in fake.calls) <= 1
    assert [kind for kind, *_ in gateway.lines()] == ["intent", "outcome", "replayed"]


READ_NO_BODY = {"/session", "/tokens/{token_id}", "/ops/dead-letters/{dead_letter_id}/redrive"}


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    ("method", "template"),
    [
        route
        for route in UNSAFE
        if route not in request_rules.BODY_LIMITS and route[1] != "/session"
    ],
)
def test_a_body_beyond_the_limit_is_413_and_nothing_is_done(
    gateway: Gateway, method: str, template: str, keyed: bool
) -> None:
    async def pieces() -> Any:
        for _ in range(5):
            yield b" " * 20_000

    who, headers = (
        sorted(access.ROUTE_ROLES[method, template])[0],
        {"Content-Type": "application/json"} | ({"Idempotency-Key": "big"} if keyed else {}),
    )
    for content in (
        (b" " * 100_000, pieces()) if keyed or template not in READ_NO_BODY else (b" " * 100_000,)
    ):
        answer = gateway.ask(
            method, template.format(**NAMES), who, content=content, headers=headers
        )
        assert (answer.status_code, answer.headers["content-type"]) == (
            413,
            "application/problem+json",
        ), answer.text
    assert not any(fake.calls for fake in gateway.fakes.values())
    assert [kind for kind, *_ in gateway.lines() if kind == "outcome"] == (
        [] if keyed or template in READ_NO_BODY else ["outcome"]
    )


def test_me(gateway: Gateway) -> None:
    assert gateway.ask("GET", "/me", "approver").json() == {
        "id": "demo-approver",
        "name": "Appy Approver",
        "roles": ["approver"],
        "auth_mode": "demo",
        "via": "",
        "read_only": False,
    }
    assert json.loads(gateway.ask("GET", "/me", None).content)["action"]
