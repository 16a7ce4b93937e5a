"""Calls to the identity provider: its metadata, signing keys, token and userinfo endpoints.

Authlib's own client is deprecated on httpx, so the calls use httpx directly.
"""

import time
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.gateway.settings import GatewaySettings

DISCOVERY_PATH = "/.well-known/openid-configuration"
METADATA_MAX_AGE_S = 3_600.0
KEYS_PAUSE_S = 60.0  # between two reads of the keys that strangers may cause
REQUIRED_METADATA = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})
Json = dict[str, Any]


class IdentityProviderUnavailable(Exception):
    """The identity provider does not answer, or not as its protocol requires."""


class SignInRefused(Exception):
    """This sign-in is not accepted. `code` is one word for the audit log."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class OidcClient:
    """The HTTP endpoints of one identity provider."""

    def __init__(self, settings: GatewaySettings, client: httpx.AsyncClient) -> None:
        self.settings, self.client = settings, client
        self._metadata: Json = {}
        self._keys: KeySet | None = None
        self._read_at = -METADATA_MAX_AGE_S
        self._keys_read_at = -KEYS_PAUSE_S

    async def metadata(self) -> Json:
        """The provider's metadata (OpenID Connect Discovery), read again after an hour.

        Raises:
            IdentityProviderUnavailable: no answer, an incomplete one, or another issuer's.
        """
        if time.monotonic() - self._read_at >= METADATA_MAX_AGE_S:
            found = await self._get(self.settings.oidc_issuer.rstrip("/") + DISCOVERY_PATH)
            if found.get("issuer") != self.settings.oidc_issuer:
                raise IdentityProviderUnavailable(
                    "it names another issuer than PAYDOWN_GATEWAY_OIDC_ISSUER"
                )
            if not found.keys() >= REQUIRED_METADATA:
                raise IdentityProviderUnavailable("its metadata is incomplete")
            self._metadata, self._keys, self._read_at = found, None, time.monotonic()
        return self._metadata

    async def keys(self, *, refresh: bool = False, at_once: bool = True) -> KeySet:
        """The provider's signing keys, from memory unless `refresh`.

        Args:
            at_once: False refreshes only keys that were read more than KEYS_PAUSE_S ago.

        Raises:
            IdentityProviderUnavailable
        """
        metadata = await self.metadata()
        now = time.monotonic()
        is_due = at_once or now - self._keys_read_at >= KEYS_PAUSE_S
        if self._keys is None or (refresh and is_due):
            self._keys_read_at = now
            found = await self._get(metadata["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # plain JSON
            except (JoseError, ValueError, KeyError):
                raise IdentityProviderUnavailable("its keys cannot be read") from None
        return self._keys

    async def exchange_code(self, code: str, verifier: str, redirect_uri: str) -> Json:
        """Exchange an authorization code for tokens; `id_token` is among them.

        Raises:
            SignInRefused: the provider does not accept the code, or sends no ID token.
            IdentityProviderUnavailable
        """
        answer = await self._post_to_token_endpoint(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )
        if answer.status_code in (400, 401, 403):
            raise SignInRefused("code", "The identity provider does not accept this sign-in.")
        tokens = _json_object(answer)
        if not isinstance(tokens.get("id_token"), str):
            raise SignInRefused("token", "The identity provider sent no ID token.")
        return tokens

    async def refresh(self, refresh_token: str) -> Json:
        """New tokens for a refresh token. The provider may have replaced that one.

        Raises:
            SignInRefused: `ended`, the provider has ended the sign-in, or the person's account.
            IdentityProviderUnavailable
        """
        answer = await self._post_to_token_endpoint(
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "scope": self.settings.oidc_scope,
            }
        )
        # RFC 6749, 5.2: only this error is about the person's token. Another one, such as a client
        # secret that is wrong, must not sign everybody out.
        if answer.status_code == 400 and _error_of(answer) == "invalid_grant":
            raise SignInRefused("ended", "The identity provider has ended this sign-in.")
        return _json_object(answer)

    async def _post_to_token_endpoint(self, fields: dict[str, str]) -> httpx.Response:
        metadata = await self.metadata()
        form, auth = self._client_authentication(metadata)
        try:
            return await self.client.post(
                metadata["token_endpoint"],
                data=form | fields,
                headers={"Accept": "application/json"},
                auth=httpx.USE_CLIENT_DEFAULT if auth is None else auth,
            )
        except httpx.HTTPError as error:
            raise IdentityProviderUnavailable(type(error).__name__) from None

    async def user_info(self, tokens: Json, subject: object) -> Json:
        """What the provider's userinfo endpoint knows of the person.

        Returns:
            {} if there is no such endpoint, or if it answers about another subject.

        Raises:
            IdentityProviderUnavailable
        """
        metadata = await self.metadata()
        if "userinfo_endpoint" not in metadata or "access_token" not in tokens:
            return {}
        found = await self._get(
            metadata["userinfo_endpoint"], {"Authorization": f"Bearer {tokens['access_token']}"}
        )
        return found if found.get("sub") == subject else {}

    def _client_authentication(self, metadata: Json) -> tuple[dict[str, str], httpx.Auth | None]:
        """How this client proves itself: fields of the form, or an Authorization header."""
        client_id, secret = self.settings.oidc_client_id, self.settings.oidc_client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            return {}, httpx.BasicAuth(client_id, secret)
        return {"client_id": client_id, "client_secret": secret}, None

    async def _get(self, url: str, headers: dict[str, str] | None = None) -> Json:
        try:
            return _json_object(await self.client.get(url, headers=headers))
        except httpx.HTTPError as error:
            raise IdentityProviderUnavailable(type(error).__name__) from None


def _error_of(answer: httpx.Response) -> str:
    """The error that a token endpoint names; "" if it names none."""
    try:
        found = answer.json()
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


def _json_object(answer: httpx.Response) -> Json:
    try:
        found = answer.json() if answer.status_code == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise IdentityProviderUnavailable(f"it answered {answer.status_code}")
    return found
