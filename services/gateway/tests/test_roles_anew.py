"""Before money moves, the identity provider is asked whether the person still has the role."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.gateway.auth.credentials import SESSION_COOKIE, decrypt_token
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH
from services.gateway.tests.identity_provider import (
    FakeIdentityProvider,
    oidc_settings,
    session_of,
)

pytestmark = pytest.mark.database
RESUME = f"/batches/{BATCH}/resume"
INVALID_GRANT = {"status": 400, "body": {"error": "invalid_grant"}}


@pytest.fixture
def provider() -> FakeIdentityProvider:
    made = FakeIdentityProvider()
    made.tokens = {"refresh_token": "r-1"}
    return made


@pytest.fixture
def gateway(url: str, provider: FakeIdentityProvider) -> Iterator[Gateway]:
    made = build(url, provider.client, **oidc_settings("http://localhost:1"))
    yield made
    made.engine.dispose()


def sign_in(gateway: Gateway, provider: FakeIdentityProvider) -> dict[str, str]:
    """An approver who has signed in just now, whom the provider has confirmed a minute ago."""
    now = int(time.time())
    who = session_of(provider.sign_in(gateway, groups=["finance"], auth_time=now))
    pass_time(gateway, 60)
    provider.claims.pop("nonce")  # a refreshed ID token has none
    return who


def pass_time(gateway: Gateway, seconds: int) -> None:
    with gateway.engine.begin() as connection:
        connection.execute(
            text("UPDATE session SET confirmed_at = confirmed_at - make_interval(secs => :s)"),
            {"s": seconds},
        )


def resume(gateway: Gateway, who: dict[str, str]) -> httpx.Response:
    return gateway.call("POST", RESUME, None, headers=who, json={})


def refreshes(provider: FakeIdentityProvider) -> list[str]:
    return [one["refresh_token"] for one in provider.forms if "refresh_token" in one]


def test_the_role_is_asked_for_and_the_new_token_is_kept(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider)
    provider.tokens = {"refresh_token": "r-2"}
    assert resume(gateway, who).status_code == 200
    assert resume(gateway, who).status_code == 200  # a second click does not ask again
    assert refreshes(provider) == ["r-1"]
    pass_time(gateway, 60)
    assert resume(gateway, who).status_code == 200
    assert refreshes(provider) == ["r-1", "r-2"]


def test_a_lost_role_refuses_the_act_at_once(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider)
    provider.claims["groups"] = ["payroll"]
    refused = resume(gateway, who)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.forbidden")
    assert gateway.dispatcher.calls == []
    assert gateway.call("GET", "/me", None, headers=who).json()["roles"] == ["preparer"]


def test_a_disabled_account_ends_the_session(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = {**sign_in(gateway, provider), "Idempotency-Key": "k"}
    provider.refusal = INVALID_GRANT
    refused = resume(gateway, who)
    assert (refused.status_code, refused.json()["code"]) == (401, "auth.ended")
    assert gateway.dispatcher.calls == []
    assert gateway.audit_lines()[-1] == ("outcome", "u-1", f"/api/v1{RESUME}", 401)
    assert gateway.call("GET", "/me", None, headers=who).status_code == 401


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 401, "body": {"error": "invalid_client"}},
        {"status": 500, "body": {}},
        {"status": 200, "body": ["no", "object"]},
        "away",
        "another person",
        "forged",
    ],
)
def test_a_provider_that_cannot_be_asked_moves_no_money_and_signs_nobody_out(
    gateway: Gateway, provider: FakeIdentityProvider, refusal: Any
) -> None:
    who = sign_in(gateway, provider)
    if refusal == "away":
        provider.away = True
    elif refusal == "another person":
        provider.claims["sub"] = "u-2"
    elif refusal == "forged":
        provider.signed_with = provider.other
    else:
        provider.refusal = refusal
    for _ in range(2):  # the second try does not wait for the first one
        refused = resume(gateway, who)
        assert (refused.status_code, refused.json()["code"]) == (503, "auth.provider-away")
    assert gateway.dispatcher.calls == []
    provider.away, provider.refusal = False, {}
    provider.claims["sub"], provider.signed_with = "u-1", provider.key
    assert resume(gateway, who).status_code == 200


def test_while_a_person_only_reads_the_provider_is_asked_now_and_then(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider)
    provider.claims["groups"] = ["payroll"]
    assert gateway.call("GET", "/me", None, headers=who).json()["roles"] == ["approver"]
    assert refreshes(provider) == []
    pass_time(gateway, 300)
    assert gateway.call("GET", "/me", None, headers=who).json()["roles"] == ["preparer"]
    assert gateway.call("GET", "/me", None, headers=who).status_code == 200
    assert refreshes(provider) == ["r-1"]
    pass_time(gateway, 301)
    provider.refusal = INVALID_GRANT
    assert gateway.call("GET", "/me", None, headers=who).json()["code"] == "auth.ended"
    assert gateway.call("GET", "/me", None, headers=who).status_code == 401


def test_reading_goes_on_while_the_provider_is_away_and_waits_for_it_once(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider)
    pass_time(gateway, 301)
    provider.away = True
    before = len(provider.tries)
    for _ in range(3):
        assert gateway.call("GET", "/me", None, headers=who).json()["roles"] == ["approver"]
    assert len(provider.tries) - before == 1


def test_without_a_refresh_token_the_person_signs_in_again(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    provider.tokens = {}
    who = sign_in(gateway, provider)
    assert resume(gateway, who).status_code == 200
    pass_time(gateway, 300)
    refused = resume(gateway, who)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.step-up")


def test_of_requests_at_once_one_asks(gateway: Gateway, provider: FakeIdentityProvider) -> None:
    who = sign_in(gateway, provider)
    provider.delay_s = 0.1

    async def many(client: httpx.AsyncClient) -> list[httpx.Response]:
        calls = (client.post(f"/api/v1{RESUME}", headers=who, json={}) for _ in range(4))
        return list(await asyncio.gather(*calls))

    assert [one.status_code for one in gateway.run(many)] == [200] * 4
    assert refreshes(provider) == ["r-1"]


def test_a_refresh_token_is_readable_with_the_browsers_session_id_alone(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    who = sign_in(gateway, provider)
    with gateway.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM session")).mappings().one()
    sealed = bytes(row["sealed_refresh_token"])
    assert b"r-1" not in sealed
    session_id = who["Cookie"].removeprefix(f"{SESSION_COOKIE}=")
    assert decrypt_token(session_id, sealed, "refresh") == "r-1"
    assert decrypt_token(session_id, sealed, "id") == ""
    assert decrypt_token("another", sealed, "refresh") == ""


def test_the_oldest_session_of_a_person_ends_when_there_are_too_many(
    url: str, provider: FakeIdentityProvider
) -> None:
    settings = oidc_settings("http://localhost:1", sessions_max=2)
    made = build(url, provider.client, **settings)
    first, second, third = (session_of(provider.sign_in(made)) for _ in range(3))
    statuses = [
        made.call("GET", "/me", None, headers=who).status_code for who in (first, second, third)
    ]
    assert statuses == [401, 200, 200]
    made.engine.dispose()
