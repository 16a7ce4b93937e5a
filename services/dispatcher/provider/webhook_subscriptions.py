"""Our webhooks at the provider: created once, checked every minute, switched on again if needed."""

import json
import time
from uuid import NAMESPACE_URL, uuid5

from libs.common.observability.logs import log
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader

TYPES = ("payment.update", "account.update", "entity.update")
CHECK_EVERY_S, RETRY_S = 60.0, 5.0


class WebhookSubscriptions:
    """One webhook per type for our address.

    Without an address there are none; every payment is read by polling anyway.
    """

    def __init__(self, reader: Reader, url: str, secret: str) -> None:
        self.reader, self.url, self.secret = reader, url, secret
        self.checked_at = -CHECK_EVERY_S

    def ensure(self) -> bool:
        """Create or switch on what is missing, at most once a minute; whether it was checked."""
        if not self.url or time.monotonic() - self.checked_at < CHECK_EVERY_S:
            return False
        self.checked_at = time.monotonic()
        try:
            page = self.reader.page("/webhooks", {})
        except Unreachable:
            self.checked_at = time.monotonic() - CHECK_EVERY_S + RETRY_S
            return False
        ours = {str(w["type"]): w for w in page.lines if w["url"] == self.url}
        for kind in TYPES:
            if kind not in ours:
                self._create(kind, len(page.lines))
            elif ours[kind].get("status") != "active":
                self._switch_on(kind, ours[kind]["id"])
        return True

    def _create(self, kind: str, existing: int) -> None:
        """Create one webhook. The key changes with the number of those that exist already."""
        body = {
            "type": kind,
            "url": self.url,
            "hmac_secret": self.secret,
            "expand_event": False,
        }
        key = uuid5(NAMESPACE_URL, f"{self.url}#{kind}#{existing}")
        answer = self.reader.call("POST", "/webhooks", json.dumps(body).encode(), str(key))
        log.info("webhook_subscribed", type=kind, status=answer.status)

    def _switch_on(self, kind: str, webhook_id: object) -> None:
        answer = self.reader.call("PATCH", f"/webhooks/{webhook_id}", b'{"status": "active"}')
        log.warning("webhook_revived", type=kind, status=answer.status)
