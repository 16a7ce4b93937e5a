"""A fake identity provider, and the settings for one."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from services.gateway.auth import oidc, oidc_client
from services.gateway.auth.oidc import IdentityProvider, SignInAttempt
from services.gateway.settings import GatewaySettings
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
        self.provider = IdentityProvider(
            GatewaySettings(
                database_url="postgresql+psycopg2://x",
                internal_token=TOKEN,
                **oidc_settings("http://localhost:1"),
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
