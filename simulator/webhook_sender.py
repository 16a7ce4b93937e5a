"""Sends events to their webhook subscriptions: signed, with retries, in the mode that is set."""

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections import deque
from dataclasses import dataclass

import aiohttp

from simulator import serializers
from simulator.clock import Clock
from simulator.messages import FIRST, dump
from simulator.models import Event, Json, Webhook
from simulator.routes.events import resource
from simulator.state import ProviderState

MODES = ("normal", "off", "twice", "shuffled", "late")
IN_FLIGHT_MAX = 16  # more would only take the event loop from the API
TRIES_MAX, TIMEOUT_S = 5, 5.0
# Doubled with each try. The provider's own delays are not published.
BACKOFF_S, DEMO_BACKOFF_S = 15.0, 1.0
SHUFFLE_S, LATE_S = 2.0, 20.0
FAILURES_MAX = 5
WINDOW_S, RATIO_MAX, RATIO_EVENTS_MIN = 86_400.0, 0.4, 10
ERRORS = {
    "OTHER": 25001,
    "RECEIVED_4XX_ERROR": 25002,
    "RECEIVED_5XX_ERROR": 25003,
    "TIMEOUT_ON_RESPONSE": 25004,
}


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to deliver an event to a subscription; `attempt` counts from 1."""

    webhook: Webhook
    event: Event
    attempt: int = 1


def payload(delivery: DeliveryAttempt, data: Json | None) -> bytes:
    """The raw body: what changed, in ids only, and not how it changed."""
    event, webhook = delivery.event, delivery.webhook
    kind, _, op = event.type.partition(".")
    if webhook.version == FIRST:
        return dump({"id": event.resource_id, "type": event.type, "op": op})
    paths = {"payment": "payments", "account": "accounts", "entity": "entities"}
    path = (
        f"/payments/{event.related_ids[0]}/reversals/{event.resource_id}"
        if kind == "payment_reversal"
        else f"/{paths[kind]}/{event.resource_id}"
    )
    refs = {"entity": event.related_ids[0]} if kind in ("payment", "account") else {}
    shown = serializers.event(event, data) if webhook.expand_event else event.id
    return dump(
        {
            "webhook_id": webhook.id,
            "id": event.resource_id,
            "type": event.type,
            "op": op,
            "path": path,
            "event": shown,
            "refs": refs,
        }
    )


def signed_headers(webhook: Webhook, raw: bytes, timestamp: int) -> dict[str, str]:
    """The headers of a delivery.

    `timestamp` is in seconds since 1970, in real time: the receiver checks that it is fresh.
    """
    headers = {"Content-Type": "application/json", "method-webhook-timestamp": str(timestamp)}
    if webhook.auth_token:
        headers["Authorization"] = base64.b64encode(webhook.auth_token.encode()).decode()
    if webhook.hmac_secret:
        headers["method-webhook-signature"] = hmac.new(
            webhook.hmac_secret.encode(), b"%d:%s" % (timestamp, raw), hashlib.sha256
        ).hexdigest()
    return headers


class WebhookSender:
    """A queue and a few workers.

    Deliveries under way are lost with the process, as webhooks may be. Subscriptions are stored.
    """

    def __init__(self, state: ProviderState, clock: Clock, seed: int) -> None:
        self.state, self.clock, self.mode = state, clock, "normal"
        self.sent = self.delivered = 0
        self._random = random.Random(seed)  # noqa: S311 - for shuffling
        self._queue: asyncio.Queue[DeliveryAttempt] = asyncio.Queue()
        self._results: dict[str, deque[tuple[float, bool]]] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Begin to deliver."""
        # aiohttp rounds a timeout of its ceil_threshold (5 s) or more up to whole seconds of its
        # clock. This one must not be rounded.
        timeout, connector = (
            aiohttp.ClientTimeout(total=TIMEOUT_S, ceil_threshold=2 * TIMEOUT_S),
            aiohttp.TCPConnector(limit=IN_FLIGHT_MAX),
        )
        self._session = aiohttp.ClientSession(
            timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._workers = [
            asyncio.create_task(self._work(self._session)) for _ in range(IN_FLIGHT_MAX)
        ]

    async def stop(self) -> None:
        """Abandon what is under way."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def enqueue_events(self, events: list[Event]) -> None:
        """Queue written events for the active subscriptions of their types."""
        if self.mode == "off":
            return
        for event in events:
            for webhook in self.state.webhooks.where("type", event.type):
                if webhook.status == "active":
                    self._enqueue(DeliveryAttempt(webhook, event))

    def _enqueue(self, delivery: DeliveryAttempt) -> None:
        if self.mode == "shuffled":
            self._later(self._random.random() * SHUFFLE_S, delivery)
        elif self.mode == "late":
            self._later(LATE_S / self.clock.anchor.speed, delivery)
        else:
            for _ in range(2 if self.mode == "twice" else 1):
                self._queue.put_nowait(delivery)

    def _later(self, delay_s: float, delivery: DeliveryAttempt) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._queue.put_nowait, delivery)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            delivery = await self._queue.get()
            if delivery.webhook.status != "active":
                continue
            failure = await self._post(session, delivery)
            if failure is not None and delivery.attempt < TRIES_MAX:
                base_s = DEMO_BACKOFF_S if self.state.profile == "demo" else BACKOFF_S
                again = DeliveryAttempt(delivery.webhook, delivery.event, delivery.attempt + 1)
                self._later(base_s * 2 ** (delivery.attempt - 1) / self.clock.anchor.speed, again)
            else:
                self._record_result(delivery.webhook, failure)

    async def _post(self, session: aiohttp.ClientSession, delivery: DeliveryAttempt) -> str | None:
        """The failure of one try; None if it was answered 200 in time."""
        data = (
            resource(self.state, delivery.event, delivery.webhook.version)
            if delivery.webhook.expand_event
            else None
        )
        raw = payload(delivery, data)
        self.sent += 1
        try:
            headers = signed_headers(delivery.webhook, raw, int(time.time()))
            async with session.post(
                delivery.webhook.url, data=raw, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
        except TimeoutError:
            return "TIMEOUT_ON_RESPONSE"
        except (aiohttp.ClientError, OSError, ValueError):
            return "OTHER"
        if answer.status == 200:
            self.delivered += 1
            return None
        if answer.status >= 500:
            return "RECEIVED_5XX_ERROR"
        return "RECEIVED_4XX_ERROR" if answer.status >= 400 else "OTHER"

    def _record_result(self, webhook: Webhook, failure: str | None) -> None:
        """Count the result of an event; disable a subscription that fails too often."""
        now_s = time.monotonic()
        results = self._results.setdefault(webhook.id, deque())
        results.append((now_s, failure is None))
        while results[0][0] < now_s - WINDOW_S / self.clock.anchor.speed:
            results.popleft()
        if failure is None:
            webhook.failures = 0
            return
        webhook.failures += 1
        failed = sum(not delivered for _, delivered in results)
        too_many = len(results) >= RATIO_EVENTS_MIN and failed >= RATIO_MAX * len(results)
        if webhook.failures >= FAILURES_MAX or too_many:
            results.clear()
            self._disable(webhook, failure)

    def _disable(self, webhook: Webhook, failure: str) -> None:
        reason = "FAILED_OTHER" if failure == "OTHER" else failure
        webhook.status = "disabled"
        webhook.error = {
            "type": "WEBHOOK_DISABLED",
            "code": ERRORS[failure],
            "sub_type": f"WEBHOOK_DISABLED_{reason}",
            "message": "The webhook was disabled: too many deliveries failed.",
        }
        self.state.touch(self.state.webhooks, webhook, self.clock.now_ms(), {})
