"""How much of a body is read, and when."""

from typing import Any

import pytest

from services.gateway.domain import access, request_rules
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH
from services.gateway.tests.route_samples import NAMES, UNSAFE

pytestmark = pytest.mark.database
READ_NO_BODY = {
    "/approval-rules/{rules_version}/confirm",
    "/batches/{batch_id}/approval-requests/{request_id}",
    "/notifications/channels/{channel_id}",
    "/notifications/channels/{channel_id}/test",
    "/notifications/deliveries/{delivery_id}/again",
    "/payments/{payment_id}/evidence",
    "/home/put-away/{batch_id}",
    "/session",
    "/sessions/{session_id}",
    "/tokens/{token_id}",
    "/batches/{batch_id}/decisions/{decision_id}",
    "/ops/dead-letters/{dead_letter_id}/redrive",
}


def test_an_upload_without_permission_is_refused_before_the_body_is_read(gateway: Gateway) -> None:
    read = []

    async def body() -> Any:
        read.append(1)
        yield b"<root></root>"

    assert gateway.call("POST", "/batches", "auditor", content=body()).status_code == 403
    assert gateway.call("POST", "/batches", None, content=body()).status_code == 401
    assert not read


def test_a_malformed_body_is_a_problem_after_the_checks(gateway: Gateway) -> None:
    assert (
        gateway.call("POST", f"/batches/{BATCH}/approve", "auditor", content=b"{").status_code
        == 403
    )
    answer = gateway.call(
        "POST",
        f"/batches/{BATCH}/approve",
        "approver",
        content=b"{",
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert (
        gateway.call(
            "POST", f"/batches/{BATCH}/discard", "preparer", json={"reason": ""}
        ).status_code
        == 422
    )


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
        answer = gateway.call(
            method, template.format(**NAMES), who, content=content, headers=headers
        )
        assert (answer.status_code, answer.headers["content-type"]) == (
            413,
            "application/problem+json",
        ), answer.text
    assert not any(fake.calls for fake in gateway.fakes.values())
    assert [kind for kind, *_ in gateway.audit_lines() if kind == "outcome"] == (
        [] if keyed or template in READ_NO_BODY else ["outcome"]
    )
