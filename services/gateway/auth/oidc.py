"""Sign-in through the identity provider: OpenID Connect, authorization code flow with PKCE.

Authlib builds the requests and checks the claims of the ID token. The provider's tokens never
reach the browser. What the browser must bring back from the provider is in a cookie of its own
for ten minutes.
"""

import secrets
import time
from dataclasses import dataclass

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from services.gateway.auth import provider_tokens
from services.gateway.auth.oidc_client import (
    IdentityProviderUnavailable,
    Json,
    OidcClient,
    SignInRefused,
)
from services.gateway.auth.provider_tokens import CLOCK_SKEW_S, Identity, Logout, identity_of
from services.gateway.settings import GatewaySettings

ATTEMPT_COOKIE = "__Host-paydown-sign-in"
ATTEMPT_COOKIE_S = 600
CALLBACK_PATH = "/api/v1/sign-in/callback"
ANEW = "anew"  # in the cookie of an attempt: the person must prove anew who they are


@dataclass(frozen=True)
class SignInAttempt:
    """A sign-in that one browser has started, as its cookie carries it."""

    state: str
    nonce: str
    verifier: str
    path: str
    anew: bool = False

    @classmethod
    def start(cls, path: str, *, anew: bool = False) -> "SignInAttempt":
        """A new attempt with random values; `path` is opened after it."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            path=path,
            anew=anew,
        )

    @classmethod
    def from_cookie(cls, cookie: str) -> "SignInAttempt | None":
        """The attempt in a cookie; None if the cookie is not one of ours.

        Whoever has the browser can change it. What counts is what the ID token says.
        """
        parts = cookie.split(".", 4)
        if len(parts) not in (4, 5) or not all(parts[:3]):
            return None
        try:
            path = bytes.fromhex(parts[3]).decode()
        except ValueError:
            return None
        return cls(parts[0], parts[1], parts[2], path, anew=parts[4:] == [ANEW])

    def to_cookie(self) -> str:
        """The attempt as text for a cookie."""
        parts = (self.state, self.nonce, self.verifier, self.path.encode().hex())
        return ".".join((*parts, ANEW) if self.anew else parts)


class IdentityProvider:
    """One identity provider."""

    def __init__(self, settings: GatewaySettings, client: httpx.AsyncClient) -> None:
        self.settings = settings
        self.client = OidcClient(settings, client)
        self.redirect_uri = settings.public + CALLBACK_PATH

    async def sign_in_address(self, attempt: SignInAttempt) -> str:
        """Where to send a browser that starts a sign-in.

        Raises:
            IdentityProviderUnavailable
        """
        metadata = await self.client.metadata()
        address: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            self.settings.oidc_client_id,
            "code",
            redirect_uri=self.redirect_uri,
            scope=self.settings.oidc_scope,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
            **self._strength(attempt),
        )
        return address

    async def finish(self, attempt: SignInAttempt, code: str) -> Identity:
        """Exchange the authorization code of a browser for the person who signed in.

        Raises:
            SignInRefused: the code, the ID token, its subject or its strength is not accepted.
            IdentityProviderUnavailable
        """
        if not code:  # the provider has shown the person why
            raise SignInRefused("denied", "The sign-in was cancelled at the identity provider.")
        tokens = await self.client.exchange_code(code, attempt.verifier, self.redirect_uri)
        claims = await provider_tokens.verify_id_token(
            tokens, self.client, self.settings, attempt.nonce
        )
        identity = await self._identity(claims, tokens)
        self._check_strength(attempt, identity)
        return identity

    async def refresh(self, refresh_token: str, subject: str) -> Identity:
        """What the provider says of a person now.

        Raises:
            SignInRefused: with the code `ended` the provider has ended the sign-in, or the account.
            IdentityProviderUnavailable
        """
        tokens = await self.client.refresh(refresh_token)
        claims: Json = {}
        if "id_token" in tokens:
            claims = await provider_tokens.verify_id_token(tokens, self.client, self.settings, None)
        else:
            claims = await self.client.user_info(tokens, subject)
        if claims.get("sub") != subject:
            raise SignInRefused("subject", "The identity provider answered about somebody else.")
        return await self._identity(claims, tokens)

    async def read_logout(self, logout_token: str) -> Logout:
        """What a logout token of the provider ends.

        Raises:
            SignInRefused: it is not accepted.
            IdentityProviderUnavailable
        """
        return await provider_tokens.verify_logout_token(logout_token, self.client, self.settings)

    async def sign_out_address(self, id_token: str) -> str | None:
        """Where to send a browser to sign out at the provider too.

        Returns:
            None if the provider does not offer a sign-out, or does not answer.
        """
        try:
            endpoint = (await self.client.metadata()).get("end_session_endpoint")
        except IdentityProviderUnavailable:
            return None
        if not endpoint:
            return None
        params = {
            "client_id": self.settings.oidc_client_id,
            "post_logout_redirect_uri": f"{self.settings.public}/",
        }
        if id_token:
            params["id_token_hint"] = id_token
        return str(httpx.URL(endpoint).copy_merge_params(params))

    async def _identity(self, claims: Json, tokens: Json) -> Identity:
        if claims.get(self.settings.oidc_groups_claim) is None or "name" not in claims:
            claims = {**await self.client.user_info(tokens, claims["sub"]), **claims}
        return identity_of(claims, tokens, self.settings.oidc_groups_claim)

    def _strength(self, attempt: SignInAttempt) -> dict[str, str]:
        """The parameters that demand how, and how lately, a person proves who they are."""
        acr = self.settings.acr_of_step_up if attempt.anew else self.settings.acr_of_sign_in
        wanted = {"acr_values": " ".join(acr)} if acr else {}
        return {**wanted, "prompt": "login", "max_age": "0"} if attempt.anew else wanted

    def _check_strength(self, attempt: SignInAttempt, identity: Identity) -> None:
        """Refuse a sign-in that is weaker than was demanded, or not known to be new."""
        acr = self.settings.acr_of_step_up if attempt.anew else self.settings.acr_of_sign_in
        if acr and identity.acr not in acr:
            raise SignInRefused(
                "acr",
                "The sign-in service of your organisation did not confirm the kind of sign-in "
                "that is needed here, such as a second factor.",
            )
        if not attempt.anew:
            return
        at = identity.authenticated_at
        if at is None or time.time() - at.timestamp() > (
            self.settings.step_up_max_age_s + CLOCK_SKEW_S
        ):
            raise SignInRefused(
                "auth-time",
                "The sign-in service of your organisation did not confirm that you have signed "
                "in just now.",
            )
