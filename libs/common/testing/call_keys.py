"""A key of the gateway for tests, and an application that takes only calls signed with it."""

import base64
import time
from collections.abc import Generator
from datetime import datetime
from urllib.parse import urlencode

import httpx
from starlette.types import ASGIApp

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.crypto.message_signatures import Signer, Verifier, public_keys
from libs.common.web.approval_assertions import approval_params, approval_path
from libs.common.web.call_signatures import (
    GATEWAY,
    CallContents,
    CallSigner,
    CallVerifier,
    hash_body,
)
from libs.common.web.signed_calls import SignedCallsOnly, sign_request

GATEWAY_SIGNING_KEYS = "gateway-1:" + base64.b64encode(bytes(range(32))).decode()
GATEWAY_PUBLIC_KEYS = public_keys({GATEWAY: GATEWAY_SIGNING_KEYS})


def gateway_signer() -> CallSigner:
    """Signs as the gateway of the tests does."""
    signer = Signer.parse(GATEWAY_SIGNING_KEYS)
    return CallSigner(signer.key_id, signer.key)


def gateway_verifier() -> CallVerifier:
    """Verifies what the gateway of the tests signs."""
    return CallVerifier(Verifier.parse(GATEWAY_PUBLIC_KEYS).keys[GATEWAY])


def signed_approval(
    batch_id: object,
    digest: str,
    at: datetime,
    person: str = "someone",
    included: int = 0,
    roles: str = "approver",
    counts_as: str = "",
    signer: CallSigner | None = None,
    start_at: datetime | None = None,
    approved: str = "",
) -> ApprovalAssertion:
    """The gateway's signature of an approval."""
    query = urlencode(approval_params(digest, included, start_at, approved))
    target = f"{approval_path(batch_id)}?{query}"
    contents = CallContents(
        "ingest", "POST", target.encode(), (person.encode(), roles.encode(), counts_as.encode())
    )
    signature = (signer or gateway_signer()).sign(
        contents, int(at.timestamp()), "c" * 32, hash_body(b"{}")
    )
    return ApprovalAssertion(
        target=target, person=person, roles=roles, counts_as=counts_as, signature=signature
    )


class SignedByGateway(httpx.Auth):
    """Signs each call to a service as the gateway does: `httpx.Client(auth=…)`."""

    requires_request_body = True

    def __init__(self, service: str) -> None:
        self.service = service
        self.signer = gateway_signer()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        sign_request(request, self.service, self.signer, int(time.time()))
        yield request


def signed_calls_only(app: ASGIApp, service: str) -> SignedCallsOnly:
    """An application that refuses calls that the gateway of the tests has not signed."""
    return SignedCallsOnly(app, service, gateway_verifier(), time.time)
