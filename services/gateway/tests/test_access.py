"""Which role may call which route."""

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from services.gateway.auth.people import DemoPeople
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator
from services.gateway.domain import access
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.personal_reads import RecentReads
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.route_samples import LIVE, SUCCESS, call, prepare

pytestmark = pytest.mark.database


@pytest.mark.parametrize(
    ("method", "template"), [route for route in access.ROUTE_ROLES if route != LIVE]
)
def test_every_route_for_every_role(gateway: Gateway, method: str, template: str) -> None:
    prepare(gateway)
    for who in (None, "nobody"):
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
        role: {path for method, path in may[role] if method != "GET"}
        - {"/session", "/sessions/{session_id}"}
        for role in access.ROLES
    }
    assert (acts["auditor"], acts["admin"]) == (set(), {"/tokens", "/tokens/{token_id}"})
    assert acts["preparer"] == {
        "/batches",
        "/batches/{batch_id}/discard",
        "/batches/{batch_id}/retry-refused",
        "/batches/{batch_id}/corrections",
        "/batches/{batch_id}/period",
        "/batches/{batch_id}/child-batches",
        "/payments/{payment_id}/held",
        "/payments/{payment_id}/duplicate",
        "/reconciliation/breaks/{break_id}/acknowledge",
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
            RecentReads(),
        )
    )
    router = APIRouter(prefix=access.API, route_class=kind)
    with pytest.raises(LookupError, match="POST /everything"):
        router.add_api_route("/everything", lambda: None, methods=["POST"])
