"""Sessions of browsers, and what another site's page cannot make a browser do."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.gateway.auth.credentials import SESSION_COOKIE, secret_hash
from services.gateway.domain import access
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database
OURS = {"Sec-Fetch-Site": "same-origin"}


def with_cookie(
    gateway: Gateway,
    cookie: str,
    method: str = "GET",
    path: str = "/me",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> httpx.Response:
    return gateway.call(
        method,
        path,
        None,
        headers={"Cookie": cookie, **(OURS if headers is None else headers)},
        **more,
    )


def test_a_demo_person_signs_in_and_out(gateway: Gateway) -> None:
    ways = gateway.call("GET", "/sign-in", None).json()
    assert (
        ways["mode"],
        ways["default"],
        ways["login_url"],
        [one["id"] for one in ways["people"]],
    ) == ("demo", "demo-preparer", None, [f"demo-{role}" for role in access.ROLES])
    answer = gateway.call("POST", "/session", None, json={"person": "demo-approver"})
    assert answer.json() == {
        "id": "demo-approver",
        "name": "Appy Approver",
        "roles": ["approver"],
        "auth_mode": "demo",
        "via": "session",
        "read_only": False,
        "notice": "",
    }
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert cookie.startswith("__Host-paydown=")
    assert {one.lower() for one in attributes} == {
        "secure",
        "httponly",
        "samesite=lax",
        "path=/",
        "max-age=28800",
    }
    assert with_cookie(gateway, cookie).json() == answer.json()
    out = with_cookie(gateway, cookie, "DELETE", "/session")
    assert (out.json(), "max-age=0" in out.headers["set-cookie"].lower()) == (
        {"signed_out": True, "logout_url": None},
        True,
    )
    assert with_cookie(gateway, cookie).status_code == 401


def test_only_the_hash_of_a_sessions_id_is_stored(gateway: Gateway) -> None:
    secret = gateway.sign_in("demo-auditor").removeprefix(f"{SESSION_COOKIE}=")
    with gateway.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM session")).mappings().one()
    assert bytes(row["session_hash"]) == secret_hash(secret)
    assert len(secret) >= 43
    assert secret not in str(dict(row))


def test_signing_in_again_ends_the_session_before(gateway: Gateway) -> None:
    first = gateway.sign_in("demo-preparer")
    second = gateway.sign_in("demo-approver", Cookie=first)
    assert first != second
    assert with_cookie(gateway, first).status_code == 401
    assert with_cookie(gateway, second).json()["id"] == "demo-approver"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("seen_at = now() - interval '29 min'", 200),
        ("seen_at = now() - interval '31 min'", 401),
        ("ends_at = now() - interval '1 s'", 401),
        ("ends_at = now() + interval '1 min'", 200),
        ("person = 'nobody'", 401),
    ],
)
def test_a_session_ends_when_unused_for_half_an_hour_and_after_eight_hours(
    gateway: Gateway, change: str, status: int
) -> None:
    cookie = gateway.sign_in("demo-auditor")
    with gateway.engine.begin() as connection:
        hours = connection.execute(
            text("SELECT extract(epoch FROM ends_at - started_at) / 3600 FROM session")
        ).scalar_one()
        connection.execute(text(f"UPDATE session SET {change}"))
    assert float(hours) == 8
    assert with_cookie(gateway, cookie).status_code == status


def test_use_keeps_a_session_alive_but_not_beyond_its_end(gateway: Gateway) -> None:
    cookie = gateway.sign_in("demo-auditor")
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE session SET seen_at = now() - interval '29 min'"))
        before = connection.execute(text("SELECT ends_at FROM session")).scalar_one()
    with_cookie(gateway, cookie)
    with gateway.engine.connect() as connection:
        row = connection.execute(
            text("SELECT ends_at, now() - seen_at < interval '10 s' AS fresh FROM session")
        ).one()
    assert (row.ends_at, row.fresh) == (before, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
    ],
)
def test_an_unsafe_call_by_cookie_must_come_from_a_page_of_ours(
    gateway: Gateway, headers: dict[str, str], status: int
) -> None:
    cookie = gateway.sign_in("demo-approver")
    answer = with_cookie(gateway, cookie, "POST", f"/batches/{BATCH}/pause", headers, json={})
    assert (answer.status_code, len(gateway.dispatcher.calls)) == (status, int(status == 200))
    assert answer.json().get("code", "") == ("auth.cross-site" if status == 403 else "")
    assert gateway.audit_lines()[-1] == (
        "outcome" if status == 200 else "refused",
        "demo-approver",
        f"/api/v1/batches/{BATCH}/pause",
        status,
    )
    assert (
        with_cookie(gateway, cookie, headers=headers).status_code == 200
    )  # reading changes nothing
    bearer = gateway.call(
        "POST",
        f"/batches/{BATCH}/pause",
        "approver",
        json={},
        headers={**headers, "Cookie": cookie},
    )
    assert bearer.status_code == 200  # no page makes a browser send a token


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (OURS, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
def test_another_sites_page_signs_nobody_in(
    gateway: Gateway, headers: dict[str, str], status: int
) -> None:
    answer = gateway.call(
        "POST", "/session", None, json={"person": "demo-approver"}, headers=headers
    )
    assert (answer.status_code, "set-cookie" in answer.headers) == (status, status == 200)


def test_demo_sign_in_answers_only_on_this_machines_own_names(gateway: Gateway) -> None:
    for host, status in (
        ("127.0.0.1:8080", 200),
        ("localhost:1", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
    ):
        answer = gateway.call("GET", "/me", "auditor", headers={"Host": host})
        assert answer.status_code == status, host
    two = [(b"Host", b"127.0.0.1"), (b"Host", b"evil.example")]
    answer = gateway.run(lambda client: client.get("/api/v1/sign-in", headers=two))
    assert answer.json()["code"] == "host.unknown"
    assert (
        gateway.run(lambda client: client.get("/health", headers={"Host": "10.0.0.7"})).status_code
        == 200
    )


def test_signing_in_and_what_fails_is_in_the_audit_log(gateway: Gateway) -> None:
    cookie = gateway.sign_in("demo-auditor")
    with_cookie(gateway, cookie, "DELETE", "/session")
    assert gateway.call("POST", "/session", None, json={"person": "mallory"}).status_code == 401
    assert (
        gateway.call("GET", "/me", None, headers={"Authorization": "Bearer guess"}).status_code
        == 401
    )
    assert (
        gateway.call(
            "GET", "/me", None, headers={"Authorization": "Bearer paydown_guess"}
        ).status_code
        == 401
    )
    assert gateway.call("GET", "/me", None).status_code == 401  # nobody tried anything
    assert gateway.audit_lines() == [
        ("outcome", "demo-auditor", "/api/v1/session", 200),
        ("intent", "demo-auditor", "/api/v1/session", None),
        ("outcome", "demo-auditor", "/api/v1/session", 200),
        ("refused", "", "/api/v1/session", 401),
        ("refused", "", "/api/v1/me", 401),
        ("refused", "", "/api/v1/me", 401),
    ]
    page = gateway.call("GET", "/audit").json()
    assert page["verified"]
    assert [line["via"] for line in page["items"]] == ["", "", "", "session", "session", "session"]


def test_too_many_failures_are_429_and_do_not_fill_the_log(gateway: Gateway) -> None:
    answers = [
        gateway.call("GET", "/me", None, headers={"Authorization": "Bearer guess"})
        for _ in range(65)
    ]
    assert [a.status_code for a in answers[:60]] == [401] * 60
    late = next(a for a in answers if a.status_code == 429)
    assert (late.headers["content-type"], late.headers["retry-after"], late.json()["code"]) == (
        "application/problem+json",
        "1",
        "rate.limited",
    )
    assert len(gateway.audit_lines()) < 65
    assert gateway.call("GET", "/me").status_code == 200  # who has a right to come in still does


def test_a_session_token_is_nothing_a_bearer_can_use(gateway: Gateway) -> None:
    secret = gateway.sign_in("demo-approver").removeprefix(f"{SESSION_COOKIE}=")
    assert (
        gateway.call("GET", "/me", None, headers={"Authorization": f"Bearer {secret}"}).status_code
        == 401
    )


def test_the_answers_of_the_api_are_cached_by_nobody(gateway: Gateway) -> None:
    for answer in (
        gateway.call("GET", "/me"),
        gateway.call("GET", "/me", None),
        gateway.call("GET", "/nowhere"),
        gateway.call("POST", "/session", None, json={}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert json.loads(gateway.call("GET", "/nowhere").content)["code"] == "not-found"


def test_without_an_identity_provider_its_routes_are_409(gateway: Gateway) -> None:
    for path in ("/sign-in/start", "/sign-in/callback?code=x&state=y"):
        answer = gateway.call("GET", path, None)
        assert (answer.status_code, answer.json()["code"]) == (409, "auth.mode")


def test_me_is_the_person_of_the_token(gateway: Gateway) -> None:
    assert gateway.call("GET", "/me", "approver").json() == {
        "id": "demo-approver",
        "name": "Appy Approver",
        "roles": ["approver"],
        "auth_mode": "demo",
        "via": "",
        "read_only": False,
        "notice": "",
    }
    assert json.loads(gateway.call("GET", "/me", None).content)["action"]
