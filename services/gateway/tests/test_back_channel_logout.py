"""The identity provider ends sessions: which logout tokens count, once, and what they end."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from services.gateway.auth.oidc_client import SignInRefused
from services.gateway.auth.provider_tokens import LOGOUT_EVENT, LOGOUT_TYPE, Logout
from services.gateway.store.session_questions import end_provider_sessions
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.identity_provider import (
    FakeIdentityProvider,
    oidc_settings,
    session_of,
)

PATH = "/sign-in/back-channel-logout"


@pytest.fixture
def provider() -> FakeIdentityProvider:
    return FakeIdentityProvider()


@pytest.fixture
def gateway(url: str, provider: FakeIdentityProvider) -> Iterator[Gateway]:
    made = build(url, provider.client, **oidc_settings("http://localhost:1"))
    yield made
    made.engine.dispose()


def read(provider: FakeIdentityProvider, token: str) -> Logout:
    return asyncio.run(provider.provider.read_logout(token))


def test_a_logout_token_names_a_person_a_session_or_both(provider: FakeIdentityProvider) -> None:
    for changed, person, session in (
        ({}, "u-1", "s-1"),
        ({"sub": None}, "", "s-1"),
        ({"sid": None}, "u-1", ""),
    ):
        token = provider.logout_token(jti="j", **changed)
        assert read(provider, token) == Logout(person, session, "j")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "http://localhost:2"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"iat": None},
        {"iat": int(time.time()) - 3_600},
        {"iat": int(time.time()) + 3_600},
        {"exp": int(time.time()) - 3_600},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"events": None},
        {"events": {}},
        {"events": [LOGOUT_EVENT]},
        {"events": {LOGOUT_EVENT: True}},
        {"sub": None, "sid": None},
        {"sub": "", "sid": ""},
        {"sub": 7},
        {"sid": ["s-1"]},
        {"nonce": "n"},
        {"nonce": ""},
    ],
)
def test_a_logout_token_that_is_not_quite_right_is_refused(
    provider: FakeIdentityProvider, changed: dict[str, Any]
) -> None:
    with pytest.raises(SignInRefused):
        read(provider, provider.logout_token(**changed))


def unsigned(provider: FakeIdentityProvider) -> str:
    parts = [{"alg": "none", "kid": "k1", "typ": LOGOUT_TYPE}, provider.logout_claims()]
    return ".".join(
        [urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts] + [""]
    )


def by_another_key(provider: FakeIdentityProvider) -> str:
    provider.signed_with = provider.other
    return provider.logout_token()


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        by_another_key,
        lambda one: one.signed(one.logout_claims(), typ="at+jwt"),
        lambda one: one.signed(one.logout_claims()),
        lambda one: one.id_token(),
        lambda _: "",
        lambda _: "no token",
    ],
)
def test_a_token_anybody_could_have_made_ends_nothing(
    provider: FakeIdentityProvider, forge: Callable[[FakeIdentityProvider], str]
) -> None:
    with pytest.raises(SignInRefused):
        read(provider, forge(provider))


def test_tokens_of_unknown_keys_do_not_make_the_keys_be_read_each_time(
    provider: FakeIdentityProvider,
) -> None:
    reads, answer = [], provider.answer

    def count(request: httpx.Request) -> httpx.Response:
        reads.append(request.url.path)
        return answer(request)

    provider.client = httpx.AsyncClient(transport=httpx.MockTransport(count))
    provider.provider = provider.with_settings()
    provider.header["kid"] = "unknown"
    for _ in range(3):
        with pytest.raises(SignInRefused):
            read(provider, provider.logout_token())
    assert reads.count("/keys") == 1


def test_a_provider_that_has_changed_its_keys_can_still_log_out(
    provider: FakeIdentityProvider,
) -> None:
    read(provider, provider.logout_token())
    provider.key = provider.signed_with = RSAKey.generate_key(2048, {"kid": "k2"})
    provider.header["kid"] = "k2"
    provider.provider.client._keys_read_at -= 61
    read(provider, provider.logout_token())


def test_to_end_everybodys_sessions_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        end_provider_sessions(None, "", "")  # type: ignore[arg-type]  # not used


def send(gateway: Gateway, token: str) -> httpx.Response:
    return gateway.call("POST", PATH, None, data={"logout_token": token})


def is_signed_in(gateway: Gateway, who: dict[str, str]) -> bool:
    return gateway.call("GET", "/me", None, headers=who).status_code == 200


@pytest.mark.database
def test_the_provider_ends_one_session_or_all_of_a_person(
    gateway: Gateway, provider: FakeIdentityProvider
) -> None:
    one = session_of(provider.sign_in(gateway, sid="s-1"))
    two = session_of(provider.sign_in(gateway, sid="s-2"))
    other = session_of(provider.sign_in(gateway, sid="s-1", sub="u-2"))
    answer = send(gateway, provider.logout_token(sid="s-1"))
    assert (answer.status_code, answer.json()) == (200, {"sessions": 1})
    assert gateway.audit_lines()[-1] == ("outcome", "", f"/api/v1{PATH}", 200)
    assert answer.headers["cache-control"] == "no-store"
    assert [is_signed_in(gateway, who) for who in (one, two, other)] == [False, True, True]
    send(gateway, provider.logout_token(sid=None))
    assert [is_signed_in(gateway, who) for who in (one, two, other)] == [False, False, True]
    send(gateway, provider.logout_token(sub=None))
    assert not is_signed_in(gateway, other)


@pytest.mark.database
def test_a_logout_token_counts_once(gateway: Gateway, provider: FakeIdentityProvider) -> None:
    token = provider.logout_token(sid=None)
    assert send(gateway, token).json() == {"sessions": 0}
    who = session_of(provider.sign_in(gateway))
    answer = send(gateway, token)
    assert (answer.status_code, answer.json()["code"]) == (400, "logout.token")
    assert is_signed_in(gateway, who)


@pytest.mark.database
def test_refused_logout_tokens_are_recorded_and_limited(
    url: str, provider: FakeIdentityProvider
) -> None:
    made = build(url, provider.client, **oidc_settings("http://localhost:1", failures_per_min=2))
    assert [send(made, "forged").status_code for _ in range(4)] == [400, 400, 429, 429]
    assert [(kind, status) for kind, _, _, status in made.audit_lines()] == [("refused", 400)] * 2
    made.engine.dispose()


@pytest.mark.database
def test_in_demo_mode_there_is_no_provider_to_end_anything(url: str) -> None:
    made = build(url)
    assert send(made, "x").json()["code"] == "auth.mode"
    made.engine.dispose()
