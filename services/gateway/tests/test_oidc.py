"""Signing in through an identity provider that really runs, on loopback: what counts as a sign-in, and what does not."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import text

from libs.common.runtime.settings import SettingsError
from services.gateway.auth import oidc, oidc_client
from services.gateway.auth.oidc import IdentityProvider, SignInAttempt
from services.gateway.auth.oidc_client import IdentityProviderUnavailable, SignInRefused
from services.gateway.settings import GatewaySettings, check_sign_in
from services.gateway.tests.conftest import Gateway, build
from services.gateway.tests.fakes import BATCH, TOKEN

ROLES = {"payroll": "preparer", "finance": "approver", "it": "admin"}
PUBLIC = "http://localhost:8080"
OURS = {"Sec-Fetch-Site": "same-origin"}


def settings(issuer: str, **more: Any) -> dict[str, Any]:
    return {
        "auth_mode": "oidc",
        "oidc_issuer": issuer,
        "oidc_client_id": "paydown",
        "oidc_client_secret": "shh",
        "oidc_roles": json.dumps(ROLES),
        "public_url": PUBLIC,
        **more,
    }


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider with three people; http is fine, nobody but this machine hears it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    people = [
        oidc_provider_mock.User(
            sub="u-1", claims={"name": "Paula P", "groups": ["payroll", "choir"]}
        ),
        oidc_provider_mock.User(
            sub="u-2", claims={"name": "Bo Th", "groups": ["payroll", "finance"]}
        ),
        oidc_provider_mock.User(sub="u-3", claims={"name": "Nobody", "groups": ["choir"]}),
    ]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"
    patch.undo()


@pytest.fixture
def gateway(url: str, issuer: str) -> Iterator[Gateway]:
    made = build(url, **settings(issuer))
    yield made
    made.engine.dispose()


def start(gateway: Gateway, to: str = "/") -> tuple[str, str]:
    """The provider's address a browser is sent to, and the cookie it gets."""
    answer = gateway.ask("GET", f"/sign-in/start?to={to}", None)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"], answer.headers["set-cookie"].partition(";")[0]


def consent(address: str, person: str) -> dict[str, str]:
    """What the provider sends back when a person says yes: code and state."""
    answer = httpx.post(address, data={"sub": person})
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(f"{PUBLIC}{oidc.CALLBACK_PATH}?")
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()
    }


def come_back(gateway: Gateway, cookie: str, **query: str) -> httpx.Response:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(oidc.CALLBACK_PATH, params=query, headers={"Cookie": cookie})

    found: httpx.Response = gateway.run(work)
    return found


def signed_in(gateway: Gateway, person: str, to: str = "/") -> httpx.Response:
    address, cookie = start(gateway, to)
    return come_back(gateway, cookie, **consent(address, person))


def session(answer: httpx.Response) -> dict[str, str]:
    cookies = [value.partition(";")[0] for value in answer.headers.get_list("set-cookie")]
    return {"Cookie": next(one for one in cookies if one.startswith("__Host-paydown=")), **OURS}


@pytest.mark.database
def test_a_person_of_the_provider_signs_in_works_and_signs_out(
    gateway: Gateway, issuer: str
) -> None:
    assert gateway.ask("GET", "/sign-in", None).json() == {
        "mode": "oidc",
        "people": [],
        "default": None,
        "login_url": "/api/v1/sign-in/start",
    }
    answer = signed_in(gateway, "u-2", "/batches/B-1%3Fx=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/batches/B-1?x=1")
    who = session(answer)
    assert gateway.ask("GET", "/me", None, headers=who).json() == {
        "id": "u-2",
        "name": "Bo Th",
        "roles": ["approver", "preparer"],
        "auth_mode": "oidc",
        "via": "session",
        "read_only": False,
    }
    gateway.ask("POST", f"/batches/{BATCH}/pause", None, headers=who, json={})
    assert (
        gateway.dispatcher.headers[0]["x-paydown-actor"],
        gateway.dispatcher.headers[0]["x-paydown-roles"],
    ) == ("u-2", "approver,preparer")
    out = gateway.ask("DELETE", "/session", None, headers={**who, "Idempotency-Key": "out"}).json()
    address = httpx.URL(out["logout_url"])
    assert str(address).startswith(f"{issuer}/oauth2/end_session?")
    assert (address.params["client_id"], address.params["post_logout_redirect_uri"]) == (
        "paydown",
        f"{PUBLIC}/",
    )
    assert address.params["id_token_hint"].count(".") == 2
    assert httpx.get(address).status_code == 200
    assert gateway.ask("GET", "/me", None, headers=who).status_code == 401
    assert gateway.lines()[0] == ("outcome", "u-2", oidc.CALLBACK_PATH, 303)
    with gateway.engine.connect() as connection:
        kept = connection.execute(text("SELECT body FROM idempotency")).scalar_one()
    assert address.params["id_token_hint"].encode() not in bytes(kept)


@pytest.mark.database
def test_the_providers_tokens_are_readable_in_no_table_and_no_answer(gateway: Gateway) -> None:
    answer = signed_in(gateway, "u-1")
    assert "eyJ" not in str(answer.headers) + answer.text
    with gateway.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM session")).mappings().one()
    assert b"eyJ" not in bytes(row["sealed_id_token"])
    assert len(bytes(row["sealed_id_token"])) > 100


@pytest.mark.database
def test_who_has_no_role_gets_no_session_and_loses_the_rights_of_before(
    gateway: Gateway, issuer: str
) -> None:
    answer = signed_in(gateway, "u-3")
    assert (
        answer.status_code,
        "no role" in answer.text,
        "__Host-paydown=" in str(answer.headers),
    ) == (403, True, False)
    assert gateway.lines()[-1] == ("refused", "", oidc.CALLBACK_PATH, 403)
    httpx.put(f"{issuer}/users/u-4", json={"name": "Lea Ving", "groups": ["payroll"]})
    who = session(signed_in(gateway, "u-4"))
    assert gateway.ask("GET", "/me", None, headers=who).status_code == 200
    httpx.put(f"{issuer}/users/u-4", json={"name": "Lea Ving", "groups": []})
    signed_in(gateway, "u-4")
    assert gateway.ask("GET", "/me", None, headers=who).status_code == 403


@pytest.mark.database
def test_tokens_are_made_for_people_who_have_signed_in(gateway: Gateway, issuer: str) -> None:
    httpx.put(f"{issuer}/users/u-5", json={"name": "Ada A", "groups": ["it"]})
    admin = session(signed_in(gateway, "u-5"))
    order = {"name": "nightly", "person": "u-1", "roles": ["preparer"]}
    assert (
        gateway.ask("POST", "/tokens", None, headers=admin, json=order).json()["code"]
        == "token.person"
    )
    signed_in(gateway, "u-1")
    assert [
        one["id"] for one in gateway.ask("GET", "/people", None, headers=admin).json()["items"]
    ] == ["u-5", "u-1"]
    token = gateway.ask("POST", "/tokens", None, headers=admin, json=order).json()["token"]
    assert (
        gateway.ask("GET", "/me", None, headers={"Authorization": f"Bearer {token}"}).json()["id"]
        == "u-1"
    )
    for guess in ("demo-admin", "demo-preparer"):
        assert (
            gateway.ask(
                "GET", "/me", None, headers={"Authorization": f"Bearer {guess}"}
            ).status_code
            == 401
        )
    assert (
        gateway.ask("POST", "/session", None, json={"person": "demo-admin"}).json()["code"]
        == "auth.mode"
    )


@pytest.mark.database
def test_a_code_counts_only_in_the_browser_that_began(gateway: Gateway) -> None:
    address, cookie = start(gateway)
    other_address, other_cookie = start(gateway)
    back = consent(address, "u-1")
    for cookies, query in (
        ("", back),
        (other_cookie, back),
        (cookie, {**back, "state": "x"}),
        ("__Host-paydown-sign-in=nonsense", back),
        (cookie, {}),
    ):
        answer = come_back(gateway, cookies, **query)
        assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert come_back(gateway, cookie, **back).status_code == 303
    again = come_back(gateway, cookie, **back)  # a code is good once
    assert (again.status_code, "__Host-paydown=" in str(again.headers)) == (403, False)
    assert (
        come_back(
            gateway,
            other_cookie,
            code="",
            state=httpx.URL(other_address).params["state"],
            error="access_denied",
        ).status_code
        == 403
    )


@pytest.mark.database
def test_a_browser_is_sent_only_to_paths_of_this_site(gateway: Gateway) -> None:
    for to in (
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "evil",
        "/a%0d%0aX: 1",
    ):
        assert signed_in(gateway, "u-1", to).headers["location"] == "/"


@pytest.mark.database
def test_a_provider_that_is_away_is_a_page_that_says_so(url: str) -> None:
    made = build(url, **settings("http://localhost:9"))
    answer = made.ask("GET", "/sign-in/start", None)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    made.engine.dispose()


class Stand:
    """A provider made for one answer: its keys, its token endpoint, and what it saw."""

    def __init__(self) -> None:
        self.key, self.other = (
            RSAKey.generate_key(2048, {"kid": "k1"}),
            RSAKey.generate_key(2048, {"kid": "k1"}),
        )
        self.attempt = SignInAttempt.start("/")
        self.claims: dict[str, Any] = {
            "iss": "http://localhost:1",
            "aud": "paydown",
            "sub": "u-1",
            "nonce": self.attempt.nonce,
            "name": "P",
            "groups": ["payroll"],
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
        }
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k1"}
        self.signed_with = self.key
        self.metadata: dict[str, Any] = {
            "issuer": "http://localhost:1",
            "authorization_endpoint": "http://localhost:1/authorization",
            "token_endpoint": "http://localhost:1/token",
            "jwks_uri": "http://localhost:1/keys",
        }
        self.forms: list[dict[str, str]] = []
        self.provider = IdentityProvider(
            GatewaySettings(
                database_url="postgresql+psycopg2://x",
                internal_token=TOKEN,
                **settings("http://localhost:1"),
            ),
            httpx.AsyncClient(transport=httpx.MockTransport(self.answer)),
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == oidc_client.DISCOVERY_PATH:
            return httpx.Response(200, json=self.metadata)
        if request.url.path == "/keys":
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        self.forms.append(
            {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            | dict(request.headers)
        )
        return httpx.Response(
            200, json={"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()}
        )

    def id_token(self) -> str:
        return jwt.encode(self.header, self.claims, self.signed_with, algorithms=["RS256", "HS256"])

    def finish(self) -> oidc.Identity:
        return asyncio.run(self.provider.finish(self.attempt, "c"))


def test_the_verifier_of_the_challenge_is_sent_with_the_code() -> None:
    stand = Stand()
    address = httpx.URL(asyncio.run(stand.provider.sign_in_address(stand.attempt)))
    assert stand.finish().groups == ("payroll",)
    form = stand.forms[0]
    digest = (
        urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        .decode()
        .rstrip("=")
    )
    assert (address.params["code_challenge"], address.params["code_challenge_method"]) == (
        digest,
        "S256",
    )
    assert (address.params["redirect_uri"], form["redirect_uri"]) == (
        PUBLIC + oidc.CALLBACK_PATH,
        PUBLIC + oidc.CALLBACK_PATH,
    )
    assert form["authorization"].startswith("Basic ")
    assert stand.attempt.verifier not in str(address)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s.claims.update(nonce="other"),
        lambda s: s.claims.pop("nonce"),
        lambda s: s.claims.update(aud="another"),
        lambda s: s.claims.pop("aud"),
        lambda s: s.claims.update(iss="http://localhost:2"),
        lambda s: s.claims.update(exp=int(time.time()) - 120),
        lambda s: s.claims.pop("exp"),
        lambda s: s.claims.update(aud=["paydown", "x"], azp="x"),
        lambda s: s.claims.pop("sub"),
        lambda s: s.claims.update(sub="a\nb"),
        lambda s: s.claims.update(sub=7),
        lambda s: setattr(s, "signed_with", s.other),
    ],
)
def test_a_token_that_is_not_quite_right_signs_nobody_in(spoil: Callable[[Stand], Any]) -> None:
    stand = Stand()
    spoil(stand)
    with pytest.raises(SignInRefused):
        stand.finish()


@pytest.mark.parametrize("forged", ["none", "HS256"])
def test_a_token_anybody_could_have_made_signs_nobody_in(forged: str) -> None:
    stand = Stand()
    public = stand.key.as_pem(private=False)
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": forged, "kid": "k1"}, stand.claims)
    ]
    mac = b"" if forged == "none" else hmac.digest(public, ".".join(parts).encode(), "sha256")
    stand.id_token = lambda: ".".join([*parts, urlsafe_b64encode(mac).decode().rstrip("=")])  # type: ignore[method-assign]
    with pytest.raises(SignInRefused):
        stand.finish()


def test_a_provider_that_changes_its_keys_is_asked_for_them_again() -> None:
    stand = Stand()
    stand.finish()
    stand.key = stand.signed_with = RSAKey.generate_key(2048, {"kid": "k2"})
    stand.header["kid"] = "k2"
    assert stand.finish().id == "u-1"


def test_a_provider_that_speaks_in_anothers_name_is_not_believed() -> None:
    stand = Stand()
    stand.metadata["issuer"] = "http://localhost:2"
    with pytest.raises(IdentityProviderUnavailable):
        stand.finish()


def test_a_client_secret_goes_in_the_form_where_the_provider_wants_it_there() -> None:
    stand = Stand()
    stand.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    stand.finish()
    assert (stand.forms[0]["client_secret"], "authorization" in stand.forms[0]) == ("shh", False)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_issuer": ""}, "OIDC_ISSUER"),
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"oidc_client_secret": ""}, "OIDC_CLIENT_SECRET"),
        ({"oidc_roles": "{}"}, "OIDC_ROLES"),
        ({"oidc_issuer": "http://sso.example"}, "OIDC_ISSUER must begin with https"),
        ({"public_url": "http://paydown.example"}, "PUBLIC_URL must begin with https"),
        ({"public_url": "", "host": "0.0.0.0"}, "PUBLIC_URL is needed"),
    ],
)
def test_a_half_described_provider_stops_the_start_with_one_sentence(
    changed: dict[str, Any], named: str
) -> None:
    read = GatewaySettings(
        **{
            "database_url": "postgresql+psycopg2://x",
            "internal_token": TOKEN,
            **settings("https://sso.example"),
            **changed,
        }
    )
    with pytest.raises(SettingsError, match=named) as error:
        check_sign_in(read, {})
    assert "shh" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wholly_described_one_does_not() -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"host": "0.0.0.0", "public_url": "https://paydown.example"},
        {"oidc_issuer": "https://sso.example/realms/x"},
    ]
    for more in variants:
        check_sign_in(
            GatewaySettings(
                **{
                    "database_url": "postgresql+psycopg2://x",
                    "internal_token": TOKEN,
                    **settings("https://sso.example"),
                    **more,
                }
            ),
            {"PAYDOWN_DISPATCHER_PROVIDER_URL": "https://production.methodfi.com"},
        )
