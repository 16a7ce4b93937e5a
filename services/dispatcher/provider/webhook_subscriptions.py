"""Our webhooks at the provider: made once for each secret, checked every minute.

The provider never shows a webhook's secret. So each webhook carries a digest of the secret it was
made with, in its metadata: it shows whether the provider knows the secret of now. Another secret
makes new webhooks, beside the old ones for an hour; the receiver accepts both for as long.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from libs.common.crypto.webhook_secrets import secret_digest
from libs.common.observability.logs import log
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Page, Unreachable, parse_created_at

TYPES = ("payment.update", "account.update", "entity.update")
CHECK_EVERY_S, RETRY_S, HOUR_S = 60.0, 5.0, 3_600.0
#: For so long the webhooks of the secret before stay.
OVERLAP = timedelta(hours=1)
DIGEST = "secret_digest"
Webhook = Mapping[str, Any]  # as the provider shows it


class WebhookApi(Protocol):
    """What is asked of the provider here; `provider.reader.Reader` does it."""

    def page(self, path: str, params: Mapping[str, str]) -> Page:
        """Read one page of a list."""

    def call(self, method: str, path: str, content: bytes | None = None, key: str = "") -> Answer:
        """Make one call of any kind."""


class WebhookSubscriptions:
    """One webhook per type for our address and secret.

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
        self.digest = secret_digest(secret)
        self.checked_at = -CHECK_EVERY_S
        #: What the provider refused, by type of webhook; empty while all is well.
        self.refused: dict[str, str] = {}

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
        for kind in TYPES:
            self._ensure_type(kind, page)
        return True

    def _ensure_type(self, kind: str, page: Page) -> None:
        ours = [one for one in page.lines if one["url"] == self.url and one["type"] == kind]
        current = [one for one in ours if self._is_current(one)]
        if not current:
            self._create(kind, ",".join(sorted(str(one["id"]) for one in page.lines)))
            return
        newest = current[0]
        self.refused.pop(kind, None)
        if newest.get("status") != "active":
            self._switch_on(kind, newest["id"])
        elif is_over(newest, page.date):
            for old in ours:
                if old not in current:
                    self._delete(kind, old["id"])

    def check(self) -> dict[str, str]:
        """The sentence about our webhooks, for /ops/health."""
        if not self.refused:
            return {"webhook secret": ""}
        kind, why = next(iter(sorted(self.refused.items())))
        return {
            "webhook secret": (
                f"The provider does not know our webhook secret: it refused the webhook {kind} "
                f"({why}). Statuses come by polling only, later."
            )
        }

    def _is_current(self, webhook: Webhook) -> bool:
        metadata = webhook.get("metadata")
        return isinstance(metadata, dict) and metadata.get(DIGEST) == self.digest

    def _create(self, kind: str, existing: str) -> None:
        """Create one webhook.

        The key changes with the secret, with the ids of those that exist, and every hour. So a lost
        answer makes no second one, and one that was deleted there is made again, however often.
        """
        body = {
            "type": kind,
            "url": self.url,
            "hmac_secret": self.secret,
            "expand_event": False,
            "metadata": {DIGEST: self.digest},
        }
        hour = self.clock() // HOUR_S
        key = uuid5(NAMESPACE_URL, f"{self.url}#{kind}#{existing}#{self.digest}#{hour}")
        answer = self.reader.call("POST", "/webhooks", json.dumps(body).encode(), str(key))
        log.info("webhook_subscribed", type=kind, status=answer.status)
        if answer.status == 200:
            self.refused.pop(kind, None)
        else:
            self.refused[kind] = f"status {answer.status} {answer.sub_type}".strip()

    def _switch_on(self, kind: str, webhook_id: object) -> None:
        answer = self.reader.call("PATCH", f"/webhooks/{webhook_id}", b'{"status": "active"}')
        log.warning("webhook_revived", type=kind, status=answer.status)

    def _delete(self, kind: str, webhook_id: object) -> None:
        answer = self.reader.call("DELETE", f"/webhooks/{webhook_id}")
        log.info("webhook_deleted", type=kind, status=answer.status)


def is_over(webhook: Webhook, now: datetime | None) -> bool:
    """Whether the hour beside the older webhooks is over, by the provider's own clock."""
    created_at = parse_created_at(webhook.get("created_at"))
    return created_at is not None and now is not None and now - created_at > OVERLAP
