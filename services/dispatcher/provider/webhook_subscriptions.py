"""Our webhooks at the provider: created once, checked every minute, switched on again if needed."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

from libs.common.observability.logs import log
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page, Unreachable

TYPES = ("payment.update", "account.update", "entity.update")
CHECK_EVERY_S, RETRY_S, HOUR_S = 60.0, 5.0, 3_600.0


class WebhookApi(Protocol):
    """What is asked of the provider here; `provider.reader.Reader` does it."""

    def page(self, path: str, params: Mapping[str, str]) -> Page:
        """Read one page of a list."""

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        """Make one call of any kind."""


class WebhookSubscriptions:
    """One webhook per type for our address.

    Without an address there are none; every payment is read by polling anyway.
    """

    def __init__(
        self,
        reader: WebhookApi,
        url: str,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reader, self.url, self.secret, self.clock = reader, url, secret, clock
        self.checked_at = -CHECK_EVERY_S

    def ensure(self) -> bool:
        """Create or switch on what is missing, at most once a minute; whether it was checked."""
        if not self.url or self.clock() - self.checked_at < CHECK_EVERY_S:
            return False
        self.checked_at = self.clock()
        try:
            page = self.reader.page("/webhooks", {})
        except Unreachable:
            self.checked_at = self.clock() - CHECK_EVERY_S + RETRY_S
            return False
        ours = {str(w["type"]): w for w in page.lines if w["url"] == self.url}
        existing = ",".join(sorted(str(w["id"]) for w in page.lines))
        for kind in TYPES:
            if kind not in ours:
                self._create(kind, existing)
            elif ours[kind].get("status") != "active":
                self._switch_on(kind, ours[kind]["id"])
        return True

    def _create(self, kind: str, existing: str) -> None:
        """Create one webhook.

        The key changes with the ids of those that exist, and every hour. So a lost answer makes no
        second one, and one that was deleted there is made again, however often.
        """
        body = {
            "type": kind,
            "url": self.url,
            "hmac_secret": self.secret,
            "expand_event": False,
        }
        key = uuid5(NAMESPACE_URL, f"{self.url}#{kind}#{existing}#{self.clock() // HOUR_S}")
        answer = self.reader.call("POST", "/webhooks", json.dumps(body).encode(), str(key))
        log.info("webhook_subscribed", type=kind, status=answer.status)

    def _switch_on(self, kind: str, webhook_id: object) -> None:
        answer = self.reader.call("PATCH", f"/webhooks/{webhook_id}", b'{"status": "active"}')
        log.warning("webhook_revived", type=kind, status=answer.status)
