"""The identity provider: OpenID Connect, authorization code with PKCE. Its tokens never reach the browser.

Authlib builds the requests and judges the ID token; the calls are made with the client this service has anyway (Authlib's own is
deprecated on httpx). What a browser must bring back from the provider lies in a cookie of its own for ten minutes.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from services.gateway.settings import GatewaySettings

ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
]  # signed with a key only the provider has
FRESH_S = 3_600.0
LEEWAY_S = 60
COOKIE = "__Host-paydown-sign-in"
COOKIE_S = 600
CALLBACK = "/api/v1/sign-in/callback"
DISCOVERY = "/.well-known/openid-configuration"
Json = dict[str, Any]


class ProviderAway(Exception):
    """The identity provider cannot be asked at the moment."""


class SignInRefused(Exception):
    """This sign-in does not count; `code` is one word for the audit log."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun in one browser, as its cookie carries it."""

    state: str
    nonce: str
    verifier: str
    path: str

    @classmethod
    def new(cls, path: str) -> "Begun":
        """A new one, with chance of its own."""
        return cls(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), path
        )

    @classmethod
    def read(cls, cookie: str) -> "Begun | None":
        """The one a browser brings back; None if the cookie is none of ours."""
        parts = cookie.split(".", 3)
        if len(parts) != 4 or not all(parts[:3]):
            return None
        try:
            return cls(parts[0], parts[1], parts[2], bytes.fromhex(parts[3]).decode())
        except ValueError:
            return None

    def cookie(self) -> str:
        """As text for a cookie."""
        return ".".join((self.state, self.nonce, self.verifier, self.path.encode().hex()))


@dataclass(frozen=True)
class Identity:
    """Who the provider says has signed in. `id` is its subject."""

    id: str
    name: str
    groups: tuple[str, ...]
    id_token: str = field(repr=False)


class Provider:
    """One identity provider."""

    def __init__(self, settings: GatewaySettings, client: httpx.AsyncClient) -> None:
        self.settings, self.client = settings, client
        self.redirect_uri = settings.public + CALLBACK
        self._metadata: Json = {}
        self._keys: KeySet | None = None
        self._read_at = -FRESH_S

    async def address(self, begun: Begun) -> str:
        """Where to send a browser that begins a sign-in.

        Raises:
            ProviderAway
        """
        metadata = await self.metadata()
        address: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            self.settings.oidc_client_id,
            "code",
            redirect_uri=self.redirect_uri,
            scope=self.settings.oidc_scope,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        return address

    async def finish(self, begun: Begun, code: str) -> Identity:
        """Exchange the code a browser brought for the person it stands for.

        Raises:
            SignInRefused: the code, the token or its subject does not count.
            ProviderAway
        """
        if not code:  # the provider has told the person why
            raise SignInRefused("denied", "The sign-in was broken off at the identity provider.")
        metadata = await self.metadata()
        tokens = await self._tokens(metadata, begun, code)
        claims = await self._claims(metadata, tokens, begun.nonce)
        groups = claims.get(self.settings.oidc_groups_claim)
        if groups is None or "name" not in claims:
            claims = {**await self._user_info(metadata, tokens, claims["sub"]), **claims}
            groups = claims.get(self.settings.oidc_groups_claim)
        subject = claims["sub"]
        if (
            not isinstance(subject, str)
            or not 0 < len(subject) <= 255
            or not (subject.isascii() and subject.isprintable())
            or subject != subject.strip()
        ):
            raise SignInRefused(
                "subject", "The identity provider's id of this person cannot be used."
            )
        name = next(
            (
                str(claims[claim])
                for claim in ("name", "preferred_username", "email")
                if claims.get(claim)
            ),
            subject,
        )
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return Identity(
            subject, name[:200], tuple(str(group) for group in listed), tokens["id_token"]
        )

    async def sign_out_address(self, id_token: str) -> str | None:
        """Where to send a browser to sign out at the provider too; None if the provider does not offer that, or is away."""
        try:
            end = (await self.metadata()).get("end_session_endpoint")
        except ProviderAway:
            return None
        hint = {"id_token_hint": id_token} if id_token else {}
        params = {
            "client_id": self.settings.oidc_client_id,
            "post_logout_redirect_uri": f"{self.settings.public}/",
            **hint,
        }
        return None if not end else str(httpx.URL(end).copy_merge_params(params))

    async def metadata(self) -> Json:
        """What the provider says of itself; asked for again after an hour.

        Raises:
            ProviderAway: it does not say it, or speaks in another's name.
        """
        if time.monotonic() - self._read_at >= FRESH_S:
            found = await self._get(self.settings.oidc_issuer.rstrip("/") + DISCOVERY)
            if found.get("issuer") != self.settings.oidc_issuer:
                raise ProviderAway("it names another issuer than PAYDOWN_GATEWAY_OIDC_ISSUER")
            if not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= found.keys():
                raise ProviderAway("its description is incomplete")
            self._metadata, self._keys, self._read_at = found, None, time.monotonic()
        return self._metadata

    async def _tokens(self, metadata: Json, begun: Begun, code: str) -> Json:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": begun.verifier,
        }
        own_id, secret = self.settings.oidc_client_id, self.settings.oidc_client_secret
        basic = "client_secret_basic" in metadata.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        )
        if not basic:
            form |= {"client_id": own_id, "client_secret": secret}
        try:
            answer = await self.client.post(
                metadata["token_endpoint"],
                data=form,
                headers={"Accept": "application/json"},
                auth=httpx.BasicAuth(own_id, secret) if basic else httpx.USE_CLIENT_DEFAULT,
            )
        except httpx.HTTPError as error:
            raise ProviderAway(type(error).__name__) from None
        if answer.status_code in (400, 401, 403):
            raise SignInRefused("code", "The identity provider does not accept this sign-in.")
        tokens = _object(answer)
        if not isinstance(tokens.get("id_token"), str):
            raise SignInRefused("token", "The identity provider sent no ID token.")
        return tokens

    async def _claims(self, metadata: Json, tokens: Json, nonce: str) -> Json:
        """The claims of an ID token whose signature, issuer, audience, times and nonce are right."""
        try:
            try:
                token = self._decoded(
                    tokens["id_token"], self._keys or await self._fetch_keys(metadata)
                )
            except InvalidKeyIdError:  # the provider has changed its keys
                token = self._decoded(tokens["id_token"], await self._fetch_keys(metadata))
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.settings.oidc_issuer},
                    "aud": {"essential": True, "value": self.settings.oidc_client_id},
                },
                {
                    "nonce": nonce,
                    "client_id": self.settings.oidc_client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise SignInRefused(
                "token", f"The identity provider's token does not count ({type(error).__name__})."
            ) from None
        return dict(claims)

    def _decoded(self, id_token: str, keys: KeySet) -> jwt.Token:
        return jwt.decode(
            id_token,
            keys,
            registry=jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False),
        )

    async def _fetch_keys(self, metadata: Json) -> KeySet:
        found = await self._get(metadata["jwks_uri"])
        try:
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # read from JSON just now
        except (JoseError, ValueError, KeyError):
            raise ProviderAway("its keys cannot be read") from None
        return self._keys

    async def _user_info(self, metadata: Json, tokens: Json, subject: object) -> Json:
        """What the provider tells of the person beside the ID token; nothing if it tells nothing, or of somebody else."""
        if "userinfo_endpoint" not in metadata or "access_token" not in tokens:
            return {}
        found = await self._get(
            metadata["userinfo_endpoint"], {"Authorization": f"Bearer {tokens['access_token']}"}
        )
        return found if found.get("sub") == subject else {}

    async def _get(self, url: str, headers: dict[str, str] | None = None) -> Json:
        try:
            return _object(await self.client.get(url, headers=headers))
        except httpx.HTTPError as error:
            raise ProviderAway(type(error).__name__) from None


def _object(answer: httpx.Response) -> Json:
    try:
        found = answer.json() if answer.status_code == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderAway(f"it answered {answer.status_code}")
    return found
