"""Our webhooks at the provider: made once, looked at every minute, switched on again when the provider gave up on them."""

import json
import time
from uuid import NAMESPACE_URL, uuid5

from libs.common.observability.logs import log
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader

TYPES = ("payment.update", "account.update", "entity.update")
EVERY_S = 60.0


class Subscriber:
    """Keeps one webhook per type for our address. Without an address there are none: everything is polled anyway."""

    def __init__(self, reader: Reader, url: str, secret: str) -> None:
        self.reader, self.url, self.secret = reader, url, secret
        self.looked_at = -EVERY_S

    def ensure(self) -> bool:
        """Make or revive what is missing; whether something was done."""
        if not self.url or time.monotonic() - self.looked_at < EVERY_S:
            return False
        self.looked_at = time.monotonic()
        try:
            page = self.reader.page("/webhooks", {})
        except Unreachable:
            self.looked_at = time.monotonic() - EVERY_S + 5.0
            return False
        ours = {str(w["type"]): w for w in page.lines if w["url"] == self.url}
        for kind in TYPES:
            if kind not in ours:
                body = json.dumps(
                    {
                        "type": kind,
                        "url": self.url,
                        "hmac_secret": self.secret,
                        "expand_event": False,
                    }
                )
                answer = self.reader.call(
                    "POST",
                    "/webhooks",
                    body.encode(),
                    str(uuid5(NAMESPACE_URL, f"{self.url}#{kind}#{len(page.lines)}")),
                )
                log.info("webhook_subscribed", type=kind, status=answer.status)
            elif ours[kind].get("status") != "active":
                answer = self.reader.call(
                    "PATCH", f"/webhooks/{ours[kind]['id']}", b'{"status": "active"}'
                )
                log.warning("webhook_revived", type=kind, status=answer.status)
        return True
