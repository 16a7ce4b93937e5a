"""A key of the gateway for tests, and an application that takes only calls signed with it."""

import base64
import time
from collections.abc import Generator

import httpx
from starlette.types import ASGIApp

from libs.common.crypto.message_signatures import Signer, Verifier, public_keys
from libs.common.web.call_signatures import GATEWAY, CallSigner, CallVerifier
from libs.common.web.signed_calls import SignedCallsOnly, sign_request

GATEWAY_SIGNING_KEYS = "gateway-1:" + base64.b64encode(bytes(range(32))).decode()
GATEWAY_PUBLIC_KEYS = public_keys({GATEWAY: GATEWAY_SIGNING_KEYS})


class SignedByGateway(httpx.Auth):
    """Signs each call to a service as the gateway does: `httpx.Client(auth=…)`."""

    requires_request_body = True

    def __init__(self, service: str) -> None:
        self.service = service
        signer = Signer.parse(GATEWAY_SIGNING_KEYS)
        self.signer = CallSigner(signer.key_id, signer.key)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        sign_request(request, self.service, self.signer, int(time.time()))
        yield request


def signed_calls_only(app: ASGIApp, service: str) -> SignedCallsOnly:
    """An application that refuses calls that the gateway of the tests has not signed."""
    keys = Verifier.parse(GATEWAY_PUBLIC_KEYS).keys[GATEWAY]
    return SignedCallsOnly(app, service, CallVerifier(keys), time.time)
