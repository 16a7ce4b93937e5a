"""Sign-in through the identity provider: OpenID Connect, authorization code flow with PKCE.

Authlib builds the requests and checks the claims of the ID token. The provider's tokens never
reach the browser. What the browser must bring back from the provider is in a cookie of its own
for ten minutes.
"""

import secrets
from dataclasses import dataclass, field

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from services.gateway.auth.oidc_client import (
    IdentityProviderUnavailable,
    Json,
    OidcClient,
    SignInRefused,
)
from services.gateway.settings import GatewaySettings

#: Signature algorithms with a private key, which only the provider has.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
CLOCK_SKEW_S = 60
ATTEMPT_COOKIE = "__Host-paydown-sign-in"
ATTEMPT_COOKIE_S = 600
CALLBACK_PATH = "/api/v1/sign-in/callback"
SUBJECT_MAX, NAME_MAX = 255, 200  # characters


@dataclass(frozen=True)
class SignInAttempt:
    """A sign-in that one browser has started, as its cookie carries it."""

    state: str
    nonce: str
    verifier: str
    path: str

    @classmethod
    def start(cls, path: str) -> "SignInAttempt":
        """A new attempt with random values; `path` is opened after it."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            path=path,
        )

    @classmethod
    def from_cookie(cls, cookie: str) -> "SignInAttempt | None":
        """The attempt in a cookie; None if the cookie is not one of ours."""
        parts = cookie.split(".", 3)
        if len(parts) != 4 or not all(parts[:3]):
            return None
        try:
            return cls(parts[0], parts[1], parts[2], bytes.fromhex(parts[3]).decode())
        except ValueError:
            return None

    def to_cookie(self) -> str:
        """The attempt as text for a cookie."""
        return ".".join((self.state, self.nonce, self.verifier, self.path.encode().hex()))


@dataclass(frozen=True)
class Identity:
    """Who has signed in, according to the provider. `id` is the subject of the ID token."""

    id: str
    name: str
    groups: tuple[str, ...]
    id_token: str = field(repr=False)


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
        )
        return address

    async def finish(self, attempt: SignInAttempt, code: str) -> Identity:
        """Exchange the authorization code of a browser for the person who signed in.

        Raises:
            SignInRefused: the code, the ID token or its subject is not accepted.
            IdentityProviderUnavailable
        """
        if not code:  # the provider has shown the person why
            raise SignInRefused("denied", "The sign-in was cancelled at the identity provider.")
        tokens = await self.client.exchange_code(code, attempt.verifier, self.redirect_uri)
        claims = await self._verified_claims(tokens, attempt.nonce)
        if claims.get(self.settings.oidc_groups_claim) is None or "name" not in claims:
            claims = {**await self.client.user_info(tokens, claims["sub"]), **claims}
        subject = _subject(claims)
        return Identity(
            id=subject,
            name=(_name(claims) or subject)[:NAME_MAX],
            groups=_groups(claims.get(self.settings.oidc_groups_claim)),
            id_token=tokens["id_token"],
        )

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

    async def _verified_claims(self, tokens: Json, nonce: str) -> Json:
        """The claims of an ID token after checking signature, issuer, audience, times and nonce."""
        try:
            try:
                token = _decode(tokens["id_token"], await self.client.keys())
            except InvalidKeyIdError:  # the provider has changed its keys
                token = _decode(tokens["id_token"], await self.client.keys(refresh=True))
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
            claims.validate(leeway=CLOCK_SKEW_S)
        except (JoseError, ValueError) as error:
            raise SignInRefused(
                "token",
                f"The identity provider's token is not accepted ({type(error).__name__}).",
            ) from None
        return dict(claims)


def _decode(id_token: str, keys: KeySet) -> jwt.Token:
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    return jwt.decode(id_token, keys, registry=registry)


def _subject(claims: Json) -> str:
    subject = claims["sub"]
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= SUBJECT_MAX
        or not (subject.isascii() and subject.isprintable())
        or subject != subject.strip()
    ):
        raise SignInRefused("subject", "The identity provider's id of this person cannot be used.")
    return subject


def _name(claims: Json) -> str:
    """The first of the name claims that is there; "" if none is."""
    for claim in ("name", "preferred_username", "email"):
        if claims.get(claim):
            return str(claims[claim])
    return ""


def _groups(claim: object) -> tuple[str, ...]:
    """The groups in a claim, which is a list of names or a single name."""
    if isinstance(claim, str):
        return (claim,)
    return tuple(str(group) for group in claim) if isinstance(claim, list) else ()
