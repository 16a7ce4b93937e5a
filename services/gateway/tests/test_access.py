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
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.settings import GatewaySettings
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import TOKEN
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


#: One's own sessions and view.
OWN = {"/session", "/sessions/{session_id}", "/home/put-away", "/home/put-away/{batch_id}"}
#: What a preparer may change.
OF_PREPARER = {
    "/batches",
    "/batches/{batch_id}/discard",
    "/batches/{batch_id}/retry-refused",
    "/batches/{batch_id}/approval-requests",
    "/batches/{batch_id}/approval-requests/{request_id}",
    "/batches/{batch_id}/corrections",
    "/batches/{batch_id}/period",
    "/batches/{batch_id}/decisions",
    "/batches/{batch_id}/decisions/{decision_id}",
    "/holds",
    "/batches/{batch_id}/child-batches",
    "/batches/{batch_id}/mended-rows",
    "/payments/{payment_id}/held",
    "/payments/{payment_id}/duplicate",
    "/reconciliation/breaks/{break_id}/acknowledge",
    "/finance/reports",
    "/finance/mapping",
    "/finance/exports",
    "/finance/available",
    "/finance/bank-statement",
    "/finance/yearly",
    "/names",
    "/payments/{payment_id}/evidence",
}


def test_the_table_says_what_the_design_says() -> None:
    may = {
        role: {route for route, roles in access.ROUTE_ROLES.items() if role in roles}
        for role in access.ROLES
    }
    assert {
        role for role in access.ROLES if ("POST", "/batches/{batch_id}/approve") in may[role]
    } == {"approver"}
    acts = {
        role: {
            path
            for method, path in may[role]
            # what is a person's own, whatever the role
            if method != "GET" and not path.startswith(("/session", "/notifications/"))
        }
        - OWN
        for role in access.ROLES
    }
    # files of its own; nothing else changes
    assert acts["auditor"] == {
        "/finance/reports",
        "/finance/yearly",
        "/finance/bank-statement",
        "/payments/{payment_id}/evidence",
    }
    assert acts["admin"] == {
        *("/tokens", "/tokens/{token_id}"),
        *("/approval-rules", "/approval-rules/{rules_version}/confirm"),
        "/approval-rules/{rules_version}/reject",
    }
    assert acts["preparer"] == OF_PREPARER
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
        and not route[1].startswith(("/employees", "/loans", "/batches/{batch_id}/refused-rows"))
    }
    assert all(reading <= may[role] for role in access.ROLES)
    assert {role for role in access.ROLES if ("GET", "/employees/{person_id}") in may[role]} == {
        *("preparer", "approver", "auditor")
    }
    refused_rows = ("GET", "/batches/{batch_id}/refused-rows.xml")
    assert [role for role in access.ROLES if refused_rows in may[role]] == ["preparer"]


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
    trail = AuditTrail(gateway.engine)
    settings = GatewaySettings(database_url="postgresql+psycopg2://x", internal_token=TOKEN)
    kind: type[APIRoute] = guarded_route_class(
        RequestGuard(
            Authenticator(DemoPeople(), gateway.engine),
            trail,
            RateLimiter(1),
            RateLimiter(1),
            RecentReads(),
            RecentSignIn(settings, trail, None),
        )
    )
    router = APIRouter(prefix=access.API, route_class=kind)
    with pytest.raises(LookupError, match="POST /everything"):
        router.add_api_route("/everything", lambda: None, methods=["POST"])
