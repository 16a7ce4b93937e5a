"""A fake identity provider, and the settings for one."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from services.gateway.auth import oidc_client
from services.gateway.auth.oidc import IdentityProvider, SignInAttempt
from services.gateway.auth.provider_tokens import LOGOUT_EVENT, LOGOUT_TYPE, Identity
from services.gateway.settings import GatewaySettings
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import TOKEN

ROLES = {"payroll": "preparer", "finance": "approver", "it": "admin"}
PUBLIC = "http://localhost:8080"


def oidc_settings(issuer: str, **more: Any) -> dict[str, Any]:
    return {
        "auth_mode": "oidc",
        "oidc_issuer": issuer,
        "oidc_client_id": "paydown",
        "oidc_client_secret": "shh",
        "oidc_roles": json.dumps(ROLES),
        "public_url": PUBLIC,
        **more,
    }


class FakeIdentityProvider:
    """Keys, metadata and a token endpoint that a test can change, and the forms it received."""

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
        self.tokens: dict[str, str] = {}  # more of the answer to a code: a refresh token
        #: The answer to a refresh token. {}: new tokens for the same claims.
        self.refusal: dict[str, Any] = {}
        self.away = False
        self.tries: list[str] = []  # what was called, answered or not
        self.delay_s = 0.0
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer_later))
        self.provider = self.with_settings()

    def with_settings(self, **more: Any) -> IdentityProvider:
        """The provider as a gateway with these settings sees it."""
        settings = GatewaySettings(
            database_url="postgresql+psycopg2://x",
            internal_token=TOKEN,
            **oidc_settings("http://localhost:1", **more),
        )
        return IdentityProvider(settings, self.client)

    async def answer_later(self, request: httpx.Request) -> httpx.Response:
        self.tries.append(request.url.path)
        await asyncio.sleep(self.delay_s)
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == oidc_client.DISCOVERY_PATH:
            return httpx.Response(200, json=self.metadata)
        if request.url.path == "/keys":
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        if self.away:
            raise httpx.ConnectError("away")
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.forms.append(form | dict(request.headers))
        if form.get("grant_type") == "refresh_token" and self.refusal:
            return httpx.Response(self.refusal["status"], json=self.refusal["body"])
        tokens = {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()}
        return httpx.Response(200, json=tokens | self.tokens)

    def id_token(self) -> str:
        return self.signed(self.claims)

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(
            self.header | header, claims, self.signed_with, algorithms=["RS256", "HS256"]
        )

    def finish(self) -> Identity:
        return asyncio.run(self.provider.finish(self.attempt, "c"))

    def logout_claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of a logout token; those that are None are left out."""
        claims = {
            "iss": "http://localhost:1",
            "aud": "paydown",
            "sub": "u-1",
            "sid": "s-1",
            "iat": int(time.time()),
            "exp": int(time.time()) + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT_EVENT: {}},
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def logout_token(self, **changed: Any) -> str:
        """A logout token with these claims."""
        return self.signed(self.logout_claims(**changed), typ=LOGOUT_TYPE)

    def sign_in(
        self, gateway: Gateway, query: str = "", cookie: str = "", **claims: Any
    ) -> httpx.Response:
        """A person signs in at a gateway; the answer that brings the browser back."""
        begun = gateway.call("GET", f"/sign-in/start{query}", None)
        assert begun.status_code == 303, begun.text
        self.address = httpx.URL(begun.headers["location"])
        now = int(time.time())
        self.claims |= {"nonce": self.address.params["nonce"], "iat": now, "exp": now + 60} | claims
        attempt = begun.headers["set-cookie"].partition(";")[0]
        back = f"/sign-in/callback?code=c&state={self.address.params['state']}"
        headers = {"Cookie": "; ".join(filter(None, (attempt, cookie)))}
        return gateway.call("GET", back, None, headers=headers)


def session_of(answer: httpx.Response) -> dict[str, str]:
    """The headers of a page that is signed in."""
    cookies = [value.partition(";")[0] for value in answer.headers.get_list("set-cookie")]
    cookie = next((one for one in cookies if one.startswith("__Host-paydown=")), "")
    assert cookie, answer.text
    return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
