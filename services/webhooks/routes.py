"""`POST /webhooks/method`: deliveries of the provider. Verified, stored, and only then answered."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request

from libs.common.web.problem_details import Problem
from services.webhooks import domain
from services.webhooks.domain import (
    RejectedDelivery,
    UnreadableDelivery,
    UnverifiedDelivery,
    VerifiedDelivery,
)
from services.webhooks.group_commit import GroupCommitter, Item, NotCommitted, QueueFull
from services.webhooks.secrets_in_use import SecretsInUse
from services.webhooks.settings import WebhooksSettings

STORE_S = 4.0  # the provider gives up after 5 s
SECURITY_EVENTS_PER_S = 50


class SecurityEventThrottle:
    """Limits how many security events are stored in a second. All of them are counted."""

    def __init__(self, per_s: int) -> None:
        self.per_s, self.second, self.used, self.rejected = per_s, 0, 0, 0

    def allow(self, now_s: int) -> bool:
        """Count a rejected delivery; whether it may be stored in this second."""
        self.rejected += 1
        if now_s != self.second:
            self.second, self.used = now_s, 0
        self.used += 1
        return self.used <= self.per_s


def router(
    settings: WebhooksSettings,
    secrets: SecretsInUse,
    committer: GroupCommitter,
    throttle: SecurityEventThrottle,
) -> APIRouter:
    """The one public route of this service."""
    routes = APIRouter()

    @routes.post("/webhooks/method", max_body_size=domain.BODY_MAX_BYTES)
    async def receive(request: Request) -> dict[str, Any]:
        body = await request.body()
        received_at = datetime.now(UTC)
        timestamp = request.headers.get("method-webhook-timestamp", "")
        given = request.headers.get("method-webhook-signature", "")
        now_s = int(time.time())
        try:
            accepted = secrets.accepted(received_at)
            domain.verify(accepted, timestamp, given, body, now_s, settings.freshness_s)
        except UnverifiedDelivery as error:
            if throttle.allow(now_s):
                await store(committer, _rejected(request, error, body, received_at))
            raise Problem(
                401,
                error.code,
                f"Not accepted: {error}.",
                "Sign the raw body with the webhook's secret.",
            ) from None
        try:
            delivery = domain.read(body, timestamp)
        except UnreadableDelivery as error:
            raise Problem(
                400,
                error.code,
                f"The delivery is signed but cannot be read: {error}.",
                "Compare the delivery with the provider's description of its webhooks.",
            ) from None
        await store(committer, VerifiedDelivery(delivery, body, received_at))
        return {"received": delivery.provider_event}

    return routes


def _rejected(
    request: Request, error: UnverifiedDelivery, body: bytes, received_at: datetime
) -> RejectedDelivery:
    remote = request.client.host if request.client else ""
    digest = hashlib.sha256(body).hexdigest()
    return RejectedDelivery(error.code, remote, len(body), digest, received_at)


async def store(committer: GroupCommitter, item: Item) -> None:
    """Return when the item is committed.

    Raises:
        Problem: 503; the provider delivers again.
    """
    try:
        await committer.store(item, STORE_S)
    except (NotCommitted, QueueFull, TimeoutError):
        raise Problem(
            503, "webhook.not-stored", "The delivery could not be stored now.", "Deliver it again."
        ) from None
