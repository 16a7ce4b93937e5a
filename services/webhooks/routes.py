"""POST /webhooks/method: the provider's door. Verified on the raw bytes, stored, then answered."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request

from libs.common.web.problem_details import Problem
from services.webhooks import domain
from services.webhooks.group_commit import Away, Full, GroupCommitter, Item
from services.webhooks.settings import WebhooksSettings
from services.webhooks.store import Received, RejectedDelivery

STORE_S = 4.0  # the provider gives up after 5 s
STRANGERS_PER_S = 50


class SecurityEventThrottle:
    """At most so many security events a second are stored; a flood of strangers is counted, not written down."""

    def __init__(self, per_s: int) -> None:
        self.per_s, self.second, self.used, self.refused = per_s, 0, 0, 0

    def take(self, now_s: int) -> bool:
        """Whether one more may be stored in this second."""
        self.refused += 1
        if now_s != self.second:
            self.second, self.used = now_s, 0
        self.used += 1
        return self.used <= self.per_s


def router(
    settings: WebhooksSettings, gatherer: GroupCommitter, brake: SecurityEventThrottle
) -> APIRouter:
    """The one public route of this service."""
    routes = APIRouter()

    @routes.post("/webhooks/method", max_body_size=domain.BODY_MAX_BYTES)
    async def receive(request: Request) -> dict[str, Any]:
        body = await request.body()
        now = datetime.now(UTC)
        timestamp = request.headers.get("method-webhook-timestamp", "")
        try:
            domain.verify(
                settings.secret,
                timestamp,
                request.headers.get("method-webhook-signature", ""),
                body,
                int(time.time()),
                settings.freshness_s,
            )
        except domain.Refused as refusal:
            if brake.take(int(time.time())):
                remote = request.client.host if request.client else ""
                await store(
                    gatherer,
                    RejectedDelivery(
                        refusal.code, remote, len(body), hashlib.sha256(body).hexdigest(), now
                    ),
                )
            raise Problem(
                401,
                refusal.code,
                f"Not accepted: {refusal}.",
                "Sign the raw body with the webhook's secret.",
            ) from None
        try:
            delivery = domain.read(body, timestamp)
        except domain.Malformed as error:
            raise Problem(
                400,
                error.code,
                f"The delivery is signed but cannot be read: {error}.",
                "Compare the delivery with the provider's description of its webhooks.",
            ) from None
        await store(gatherer, Received(delivery, body, now))
        return {"received": delivery.provider_event}

    return routes


async def store(gatherer: GroupCommitter, item: Item) -> None:
    """Return when the item is committed.

    Raises:
        Problem: 503; the provider delivers again.
    """
    try:
        await gatherer.store(item, STORE_S)
    except (Away, Full, TimeoutError):
        raise Problem(
            503, "webhook.not-stored", "The delivery could not be stored now.", "Deliver it again."
        ) from None
