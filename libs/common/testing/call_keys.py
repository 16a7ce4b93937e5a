"""A key of the gateway for tests, and an application that takes only calls signed with it."""

import base64
import time

from starlette.types import ASGIApp

from libs.common.crypto.message_signatures import Verifier, public_keys
from libs.common.web.call_signatures import GATEWAY, CallVerifier
from libs.common.web.signed_calls import SignedCallsOnly

GATEWAY_SIGNING_KEYS = "gateway-1:" + base64.b64encode(bytes(range(32))).decode()
GATEWAY_PUBLIC_KEYS = public_keys({GATEWAY: GATEWAY_SIGNING_KEYS})


def signed_calls_only(app: ASGIApp, service: str) -> SignedCallsOnly:
    """An application that refuses calls that the gateway of the tests has not signed."""
    keys = Verifier.parse(GATEWAY_PUBLIC_KEYS).keys[GATEWAY]
    return SignedCallsOnly(app, service, CallVerifier(keys), time.time)
