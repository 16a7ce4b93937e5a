"""No unsafe route of the gateway can be called without a line of the audit log."""

from collections.abc import Iterable

import pytest
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from libs.common.web.methods import UNSAFE_METHODS
from services.gateway.domain.access import API, PUBLIC_ROUTES, ROUTE_ROLES
from services.gateway.request_guard.audit_trail import created_subject
from services.gateway.request_guard.personal_reads import EXPORTS, PERSONAL_READS
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.route_samples import UNSAFE, call, prepare

pytestmark = pytest.mark.database


def every_route(routes: Iterable[BaseRoute]) -> set[tuple[str, str]]:
    """Method and path of each route, also of those that no table names."""
    found = set[tuple[str, str]]()
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            found |= every_route(included.routes)
        path = getattr(route, "path", "").removeprefix(API)
        found |= {(method, path) for method in getattr(route, "methods", None) or ()}
    return found


def test_every_unsafe_route_is_among_those_that_are_tried_here(gateway: Gateway) -> None:
    unsafe = {one for one in every_route(gateway.app.routes) if one[0] in UNSAFE_METHODS}
    assert unsafe == {*UNSAFE, *(one for one in PUBLIC_ROUTES if one[0] in UNSAFE_METHODS)}


@pytest.mark.parametrize(("method", "template"), UNSAFE)
def test_an_unsafe_call_writes_its_intent_and_its_outcome(
    gateway: Gateway, method: str, template: str
) -> None:
    prepare(gateway)
    who = sorted(ROUTE_ROLES[method, template])[0]
    answer = call(gateway, method, template, who)
    lines = [(kind, person, status) for kind, person, _, status in gateway.audit_lines()]
    assert lines == [
        ("intent", f"demo-{who}", None),
        ("outcome", f"demo-{who}", answer.status_code),
    ]


@pytest.mark.parametrize(("method", "template"), UNSAFE)
def test_a_refused_unsafe_call_writes_a_line(gateway: Gateway, method: str, template: str) -> None:
    refused = sorted({"preparer", "approver", "auditor", "operator", "admin"})
    refused = [role for role in refused if role not in ROUTE_ROLES[method, template]]
    for who in refused:
        assert call(gateway, method, template, who).status_code == 403
    assert [(kind, person) for kind, person, _, _ in gateway.audit_lines()] == [
        ("refused", f"demo-{who}") for who in refused
    ]


@pytest.mark.parametrize(
    ("answer", "subject"),
    [
        ({"hold_id": "h1", "dry_run": False}, "h1"),
        ({"hold_id": "h1", "dry_run": True}, "dry run h1"),
        ({"batch_id": "b1"}, "b1"),
        ({"items": []}, ""),
    ],
)
def test_the_subject_is_what_was_made_and_says_if_nothing_was(
    answer: dict[str, object], subject: str
) -> None:
    assert created_subject(JSONResponse(answer)) == subject
    assert created_subject(JSONResponse(answer, status_code=409)) == ""


def test_signing_in_writes_a_line_whether_it_succeeds_or_fails(gateway: Gateway) -> None:
    assert gateway.call("POST", "/session", None, json={"person": "nobody"}).status_code >= 400
    gateway.sign_in("demo-auditor")
    assert [kind for kind, *_ in gateway.audit_lines()] == ["refused", "outcome"]


def test_reads_that_are_recorded_are_routes(gateway: Gateway) -> None:
    reads = {path for method, path in every_route(gateway.app.routes) if method == "GET"}
    assert reads >= PERSONAL_READS | EXPORTS
