"""Verify what the identity provider has signed: ID tokens and logout tokens.

The rules are those of OpenID Connect Core 1.0 (3.1.3.7, 12.2) and Back-Channel Logout 1.0 (2.6).
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from services.gateway.auth.oidc_client import Json, OidcClient, SignInRefused
from services.gateway.settings import GatewaySettings

#: Signature algorithms with a private key, which only the provider has.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
CLOCK_SKEW_S = 60
SUBJECT_MAX, NAME_MAX, CLAIM_MAX = 255, 200, 255  # characters
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPE = "logout+jwt"  # in the header, so that no other token is taken for one
LOGOUT_TOKEN_MAX_AGE_S = 300
#: How long a used logout token is remembered: until it is too old by any clock.
LOGOUT_TOKEN_KEPT_S = LOGOUT_TOKEN_MAX_AGE_S + 2 * CLOCK_SKEW_S


@dataclass(frozen=True)
class Identity:
    """Who has signed in, according to the provider. `id` is the subject of the ID token.

    `authenticated_at` and `acr`: when the person last proved who they are, and how strongly; None
    and "" where the provider does not say. `provider_session`: its name of its session.
    """

    id: str
    name: str
    groups: tuple[str, ...]
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    authenticated_at: datetime | None = None
    acr: str = ""
    provider_session: str = ""


@dataclass(frozen=True)
class Logout:
    """What a logout token ends: a session of the provider, or all of a person's."""

    person_id: str
    provider_session: str
    token_id: str


async def verify_id_token(
    tokens: Json, client: OidcClient, settings: GatewaySettings, nonce: str | None
) -> Json:
    """The claims of an ID token after checking signature, issuer, audience, times and nonce.

    Args:
        nonce: of the sign-in; None for a token that came with a refreshed access token.

    Raises:
        SignInRefused, IdentityProviderUnavailable
    """
    try:
        token = await _decode(tokens["id_token"], client)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": settings.oidc_issuer},
                "aud": {"essential": True, "value": settings.oidc_client_id},
            },
            {
                "client_id": settings.oidc_client_id,
                "access_token": tokens.get("access_token"),
                **({} if nonce is None else {"nonce": nonce}),
            },
        )
        claims.validate(leeway=CLOCK_SKEW_S)
    except (JoseError, ValueError) as error:
        raise _not_accepted(type(error).__name__) from None
    return dict(claims)


async def verify_logout_token(text: str, client: OidcClient, settings: GatewaySettings) -> Logout:
    """What a logout token ends, after checking everything but that it is new (`token_id`).

    Raises:
        SignInRefused: it is not one of the provider's, not for us, or too old.
        IdentityProviderUnavailable
    """
    try:
        token = await _decode(text, client, fetch_keys=False)
        claims = token.claims
        jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": settings.oidc_issuer},
            aud={"essential": True, "value": settings.oidc_client_id},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError) as error:
        raise _not_accepted(type(error).__name__) from None
    events = claims.get("events")
    person_id, session = claims.get("sub", ""), claims.get("sid", "")
    if (
        token.header.get("typ") != LOGOUT_TYPE
        or not isinstance(events, dict)
        or not isinstance(events.get(LOGOUT_EVENT), dict)
        or "nonce" in claims  # so that no ID token is taken for a logout token
        or time.time() - claims["iat"] > LOGOUT_TOKEN_MAX_AGE_S + CLOCK_SKEW_S
        or not all(_is_short_text(one) for one in (person_id, session, claims["jti"]))
        or not (person_id or session)
        or not claims["jti"]
    ):
        raise _not_accepted("LogoutTokenError")
    return Logout(person_id, session, claims["jti"])


def identity_of(claims: Json, tokens: Json, groups_claim: str) -> Identity:
    """The person whom verified claims name.

    Raises:
        SignInRefused: the subject or `auth_time` cannot be used.
    """
    subject = _subject(claims)
    acr, session = claims.get("acr", ""), claims.get("sid", "")
    refresh_token = tokens.get("refresh_token", "")
    return Identity(
        id=subject,
        name=(_name(claims) or subject)[:NAME_MAX],
        groups=_groups(claims.get(groups_claim)),
        id_token=tokens.get("id_token", ""),
        refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        authenticated_at=_auth_time(claims.get("auth_time")),
        acr=acr if _is_short_text(acr) else "",
        provider_session=session if _is_short_text(session) else "",
    )


async def _decode(text: str, client: OidcClient, *, fetch_keys: bool = True) -> jwt.Token:
    """A token with a valid signature.

    Args:
        fetch_keys: read the provider's keys again at once if the token names one that is not
            known. Without it at most once in a while: then strangers cannot cause such reads.
    """
    try:
        return _decode_with(text, await client.keys())
    except InvalidKeyIdError:  # the provider has changed its keys
        return _decode_with(text, await client.keys(refresh=True, at_once=fetch_keys))


def _decode_with(text: str, keys: KeySet) -> jwt.Token:
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    return jwt.decode(text, keys, registry=registry)


def _not_accepted(why: str) -> SignInRefused:
    return SignInRefused("token", f"The identity provider's token is not accepted ({why}).")


def _is_short_text(claim: object) -> bool:
    return isinstance(claim, str) and len(claim) <= CLAIM_MAX and (claim.isprintable() or not claim)


def _auth_time(claim: object) -> datetime | None:
    """When the person signed in. A time ahead of ours is refused: it would be recent for longer."""
    if claim is None:
        return None
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise _not_accepted("InvalidClaimError")
    if not 0 < claim <= time.time() + CLOCK_SKEW_S:
        raise _not_accepted("InvalidClaimError")
    return datetime.fromtimestamp(claim, UTC)


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


def _groups(claim: Any) -> tuple[str, ...]:
    """The groups in a claim, which is a list of names or a single name."""
    if isinstance(claim, str):
        return (claim,)
    return tuple(str(group) for group in claim) if isinstance(claim, list) else ()
