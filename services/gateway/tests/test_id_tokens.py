"""Which ID tokens sign somebody in."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from services.gateway.auth import oidc
from services.gateway.auth.oidc_client import IdentityProviderUnavailable, SignInRefused
from services.gateway.tests.identity_provider import PUBLIC, FakeIdentityProvider


def test_the_verifier_of_the_challenge_is_sent_with_the_code() -> None:
    fake = FakeIdentityProvider()
    address = httpx.URL(asyncio.run(fake.provider.sign_in_address(fake.attempt)))
    assert fake.finish().groups == ("payroll",)
    form = fake.forms[0]
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
    assert fake.attempt.verifier not in str(address)


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
def test_a_token_that_is_not_quite_right_signs_nobody_in(
    spoil: Callable[[FakeIdentityProvider], Any],
) -> None:
    fake = FakeIdentityProvider()
    spoil(fake)
    with pytest.raises(SignInRefused):
        fake.finish()


@pytest.mark.parametrize("forged", ["none", "HS256"])
def test_a_token_anybody_could_have_made_signs_nobody_in(forged: str) -> None:
    fake = FakeIdentityProvider()
    public = fake.key.as_pem(private=False)
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": forged, "kid": "k1"}, fake.claims)
    ]
    mac = b"" if forged == "none" else hmac.digest(public, ".".join(parts).encode(), "sha256")
    fake.id_token = lambda: ".".join([*parts, urlsafe_b64encode(mac).decode().rstrip("=")])  # type: ignore[method-assign] # replaced
    with pytest.raises(SignInRefused):
        fake.finish()


def test_the_keys_of_a_provider_that_changed_them_are_read_again() -> None:
    fake = FakeIdentityProvider()
    fake.finish()
    fake.key = fake.signed_with = RSAKey.generate_key(2048, {"kid": "k2"})
    fake.header["kid"] = "k2"
    assert fake.finish().id == "u-1"


def test_metadata_of_another_issuer_is_not_accepted() -> None:
    fake = FakeIdentityProvider()
    fake.metadata["issuer"] = "http://localhost:2"
    with pytest.raises(IdentityProviderUnavailable):
        fake.finish()


def test_a_client_secret_goes_in_the_form_where_the_provider_wants_it_there() -> None:
    fake = FakeIdentityProvider()
    fake.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    fake.finish()
    assert (fake.forms[0]["client_secret"], "authorization" in fake.forms[0]) == ("shh", False)
