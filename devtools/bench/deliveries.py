"""Send signed webhook deliveries at a fixed rate, as the provider does: each until it is taken."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

AGAIN_S, LIMIT_S, TRY_S = 0.5, 60.0, 5.0


@dataclass
class Sender:
    """Deliveries of one run.

    Args:
        url: of the route.
        secret: of the webhook.
        tag: begins the ids of the events.
        ms: for each delivery that was taken at its first try, from the time it was due.
        repeated: how many were sent more than once.
        given_up: how many were not taken within a minute.
    """

    url: str
    secret: str
    tag: str
    ms: list[float] = field(default_factory=list)
    repeated: int = 0
    given_up: int = 0

    def send(self, count: int, per_s: float, at_half: Callable[[], None]) -> None:
        """Send so many; `at_half` is called, in a thread, when half of them are due."""
        asyncio.run(self._send(count, per_s, at_half))

    async def _send(self, count: int, per_s: float, at_half: Callable[[], None]) -> None:
        limit = aiohttp.ClientTimeout(total=TRY_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=limit, connector=connector) as session:
            began, tasks = time.monotonic(), list[asyncio.Task[None]]()
            for number in range(count):
                due = began + number / per_s
                if (wait_s := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                tasks.append(asyncio.create_task(self._deliver(session, number, due)))
                if number == count // 2:
                    half = asyncio.create_task(asyncio.to_thread(at_half))
            await asyncio.gather(*tasks, half)

    async def _deliver(self, session: aiohttp.ClientSession, number: int, due: float) -> None:
        tries = 0
        while time.monotonic() < due + LIMIT_S:
            tries += 1
            if await self._post(session, number):
                if tries == 1:
                    self.ms.append((time.monotonic() - due) * 1_000)
                self.repeated += tries > 1
                return
            await asyncio.sleep(AGAIN_S)
        self.given_up += 1

    async def _post(self, session: aiohttp.ClientSession, number: int) -> bool:
        event = f"{self.tag}{number}"
        delivery = {"event": event, "type": "payment.update", "op": "update", "id": f"pmt_{event}"}
        body, timestamp = json.dumps(delivery).encode(), str(int(time.time()))
        signature = hmac.new(self.secret.encode(), f"{timestamp}:".encode() + body, hashlib.sha256)
        headers = {
            "method-webhook-timestamp": timestamp,
            "method-webhook-signature": signature.hexdigest(),
        }
        try:
            async with session.post(self.url, data=body, headers=headers) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
