"""Signed deliveries of events to who subscribed, with retries, in the manner ordered: normal, off, twice, shuffled or late."""

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
from simulator.routes.misc import resource
from simulator.state import World

MODES = ("normal", "off", "twice", "shuffled", "late")
IN_FLIGHT_MAX, TRIES_MAX, TIMEOUT_S = (
    16,
    5,
    5.0,
)  # more in flight would only take the loop from the API
BACKOFF_S, DEMO_BACKOFF_S = (
    15.0,
    1.0,
)  # doubled with each try; the provider's own delays are not published
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
class Delivery:
    """One event for one subscription; `attempt` counts from 1."""

    webhook: Webhook
    event: Event
    attempt: int = 1


def payload(delivery: Delivery, data: Json | None) -> bytes:
    """The raw body: what changed, not how; only ids."""
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


def signed(webhook: Webhook, raw: bytes, timestamp: int) -> dict[str, str]:
    """The headers of a delivery; `timestamp` in seconds since 1970, of real time, for the receiver checks its freshness."""
    headers = {"Content-Type": "application/json", "method-webhook-timestamp": str(timestamp)}
    if webhook.auth_token:
        headers["Authorization"] = base64.b64encode(webhook.auth_token.encode()).decode()
    if webhook.hmac_secret:
        headers["method-webhook-signature"] = hmac.new(
            webhook.hmac_secret.encode(), b"%d:%s" % (timestamp, raw), hashlib.sha256
        ).hexdigest()
    return headers


class Deliveries:
    """A queue and a few workers. Deliveries under way are lost with the process, as hints may be; subscriptions are not."""

    def __init__(self, world: World, clock: Clock, seed: int) -> None:
        self.world, self.clock, self.mode = world, clock, "normal"
        self.sent = self.delivered = 0
        self._random = random.Random(seed)  # noqa: S311 - for shuffling
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._results: dict[str, deque[tuple[float, bool]]] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Begin to deliver."""
        # aiohttp rounds timeouts from its ceil_threshold (5 s) up to whole seconds of its clock: not this one.
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
        """Give up what is under way."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def offer(self, events: list[Event]) -> None:
        """Deliver written events to the active subscriptions of their types."""
        if self.mode == "off":
            return
        for event in events:
            for webhook in self.world.webhooks.where("type", event.type):
                if webhook.status == "active":
                    self._enqueue(Delivery(webhook, event))

    def _enqueue(self, delivery: Delivery) -> None:
        if self.mode == "shuffled":
            self._later(self._random.random() * SHUFFLE_S, delivery)
        elif self.mode == "late":
            self._later(LATE_S / self.clock.anchor.speed, delivery)
        else:
            for _ in range(2 if self.mode == "twice" else 1):
                self._queue.put_nowait(delivery)

    def _later(self, delay_s: float, delivery: Delivery) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._queue.put_nowait, delivery)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            delivery = await self._queue.get()
            if delivery.webhook.status != "active":
                continue
            trouble = await self._post(session, delivery)
            if trouble is not None and delivery.attempt < TRIES_MAX:
                base_s = DEMO_BACKOFF_S if self.world.profile == "demo" else BACKOFF_S
                again = Delivery(delivery.webhook, delivery.event, delivery.attempt + 1)
                self._later(base_s * 2 ** (delivery.attempt - 1) / self.clock.anchor.speed, again)
            else:
                self._judge(delivery.webhook, trouble)

    async def _post(self, session: aiohttp.ClientSession, delivery: Delivery) -> str | None:
        """What went wrong with one try; None when it was answered 200 in time."""
        data = (
            resource(self.world, delivery.event, delivery.webhook.version)
            if delivery.webhook.expand_event
            else None
        )
        raw = payload(delivery, data)
        self.sent += 1
        try:
            headers = signed(delivery.webhook, raw, int(time.time()))
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
        return (
            "RECEIVED_5XX_ERROR"
            if answer.status >= 500
            else "RECEIVED_4XX_ERROR"
            if answer.status >= 400
            else "OTHER"
        )

    def _judge(self, webhook: Webhook, trouble: str | None) -> None:
        """Count an event's end; disable a subscription that fails too often."""
        now_s = time.monotonic()
        results = self._results.setdefault(webhook.id, deque())
        results.append((now_s, trouble is None))
        while results[0][0] < now_s - WINDOW_S / self.clock.anchor.speed:
            results.popleft()
        if trouble is None:
            webhook.failures = 0
            return
        webhook.failures += 1
        failed = sum(not fine for _, fine in results)
        too_many = len(results) >= RATIO_EVENTS_MIN and failed >= RATIO_MAX * len(results)
        if webhook.failures >= FAILURES_MAX or too_many:
            results.clear()
            webhook.status = "disabled"
            sub_type = (
                "WEBHOOK_DISABLED_FAILED_OTHER"
                if trouble == "OTHER"
                else f"WEBHOOK_DISABLED_{trouble}"
            )
            message = "The webhook was disabled: too many deliveries failed."
            webhook.error = {
                "type": "WEBHOOK_DISABLED",
                "code": ERRORS[trouble],
                "sub_type": sub_type,
                "message": message,
            }
            self.world.touch(self.world.webhooks, webhook, self.clock.now_ms(), {})
