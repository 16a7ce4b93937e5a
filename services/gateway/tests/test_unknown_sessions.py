"""Session ids that nobody has: an attempt to guess one is limited and recorded."""

import pytest
from sqlalchemy import text

from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.tests.conftest import Gateway, build

pytestmark = pytest.mark.database


def ask(gateway: Gateway, cookie: str) -> int:
    return gateway.call("GET", "/me", None, headers={"Cookie": cookie}).status_code


def test_wrong_session_ids_are_recorded_and_limited(url: str) -> None:
    gateway = build(url, failures_per_min=3)
    right = gateway.sign_in("demo-auditor")
    before = len(gateway.audit_lines())
    statuses = [ask(gateway, f"{SESSION_COOKIE}=guess-{n}") for n in range(6)]
    assert statuses == [401, 401, 401, 429, 429, 429]
    assert gateway.audit_lines()[before:] == [("refused", "", "/api/v1/me", 401)] * 3
    assert ask(gateway, right) == 200  # who is signed in is not locked out
    gateway.engine.dispose()


def test_a_session_that_has_ended_is_no_guess(url: str) -> None:
    gateway = build(url, failures_per_min=3)
    cookie = gateway.sign_in("demo-auditor")
    with gateway.engine.begin() as connection:
        connection.execute(text("UPDATE session SET seen_at = now() - interval '31 min'"))
    before = len(gateway.audit_lines())
    assert [ask(gateway, cookie) for _ in range(5)] == [401] * 5
    assert len(gateway.audit_lines()) == before
    gateway.engine.dispose()
