"""The provider as one object: world, books, limits, faults, webhooks and clock, with the orders that steer them."""

import asyncio
import heapq
import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.clock import SPEED_MAX, Anchor, Clock
from simulator.faults import Faults, parse_faults
from simulator.limits import PROFILES, Limiter
from simulator.outcomes import Outcomes, parse_outcomes
from simulator.state import Policy, World
from simulator.storage import Books
from simulator.webhooks import MODES, Deliveries

TICK_S, STEPS_PER_TICK, COUNTERS_EVERY_S = 0.05, 50, 1.0
Order = dict[str, Any]  # Any: an order is JSON from outside, each is checked where it is obeyed


class Provider:
    """What the API and the admin calls work on. Orders are kept in the books and obeyed again after a restart."""

    def __init__(
        self, path: Path, profile: str = "demo", policy: Policy | None = None, seed: int = 0
    ) -> None:
        self.books = Books(path)
        salt = self.books.setting("salt")
        if salt is None:
            salt = secrets.token_hex(8)
            self.books.keep_setting("salt", salt)
        anchor = self.books.setting("clock")
        self.clock = Clock(None if anchor is None else Anchor(**anchor))
        self.books.keep_setting("clock", _anchor(self.clock))
        self.world = World(salt, profile, policy)
        self.limiter, self.faults = Limiter(profile), Faults()
        self.deliveries = Deliveries(self.world, self.clock, seed)
        self.books.load(self.world, self.note_counters, self.deliveries.offer)
        counters = self.books.setting("counters") or {}
        self.calls: Counter[str] = Counter(counters.get("calls"))
        self.limit_violations: int = counters.get("limit_violations", 0)
        self.deliveries.sent, self.deliveries.delivered = counters.get("webhooks", (0, 0))
        self._counters_kept = json.dumps(counters)
        self.orders: dict[str, Order] = {name: {} for name in ("faults", "outcomes")}
        self.orders |= {
            "webhooks": {"mode": "normal"},
            "profile": {"name": profile},
            "limits": {"requests_per_min": None, "payments_per_min": None},
        }
        for name, order in (self.books.setting("orders") or {}).items():
            self.obey(name, order)
        self._heap: list[tuple[int, str]] = []
        self._tasks: list[asyncio.Task[None]] = []

    # Life

    def start(self) -> None:
        """Begin to move payments and to deliver webhooks."""
        self.deliveries.start()
        self._tasks = [
            asyncio.create_task(self._move_payments()),
            asyncio.create_task(self._keep_counters()),
        ]

    async def stop(self) -> None:
        """Stop moving, write everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.deliveries.stop()
        self.note_counters()
        self.books.close()

    async def _move_payments(self) -> None:
        """Carry out the due steps of all plans, a bounded number at a time so that the API stays quick."""
        while True:
            more = self.move_due(self.clock.now_ms())
            await self.books.committed()
            await asyncio.sleep(0 if more else TICK_S)

    def move_due(self, now_ms: int) -> bool:
        """Carry out at most STEPS_PER_TICK due steps; whether there may be more."""
        for _ in range(STEPS_PER_TICK):
            for item in self.world.due:
                heapq.heappush(self._heap, item)
            self.world.due.clear()
            if not self._heap or self._heap[0][0] > now_ms:
                return False
            self.world.step(heapq.heappop(self._heap)[1], now_ms)
        return True

    async def _keep_counters(self) -> None:
        while True:
            await asyncio.sleep(COUNTERS_EVERY_S)
            self.note_counters()
            await self.books.committed()

    def note_counters(self) -> None:
        """Have the counters written with the next group, if they changed."""
        counters = {
            "calls": self.calls,
            "limit_violations": self.limit_violations,
            "webhooks": [self.deliveries.sent, self.deliveries.delivered],
        }
        kept = json.dumps(counters)
        if kept != self._counters_kept:
            self._counters_kept = kept
            self.books.keep_setting("counters", counters)

    # Orders

    def obey(self, name: str, order: Order) -> None:
        """Follow an order from now on.

        Raises:
            ValueError: it cannot be followed; the message is one sentence, nothing changed.
        """
        if not isinstance(order, dict):
            raise ValueError("an order is a JSON object")  # noqa: TRY004 - what cannot be obeyed is one kind of error
        if name == "faults":
            self.faults = parse_faults(order)
        elif name == "outcomes":
            self.world.outcomes = parse_outcomes(order) if order else Outcomes()
        elif name == "webhooks":
            self.deliveries.mode = _choice(order, "mode", MODES)
        elif name == "profile":
            self.world.profile = _choice(order, "name", PROFILES)
            self.limiter.use(self.world.profile)
        elif name == "limits":
            self.limiter.override(
                _limit(order, "requests_per_min"), _limit(order, "payments_per_min")
            )
        elif name == "clock":
            speed = order.get("speed")
            if (
                not isinstance(speed, int | float)
                or isinstance(speed, bool)
                or not 0 < speed <= SPEED_MAX
            ):
                raise ValueError(f"speed is more than 0 and at most {SPEED_MAX:.0f}")
            self.clock.set_speed(float(speed))
            self.books.keep_setting("clock", _anchor(self.clock))
            return
        self.orders[name] = order
        self.books.keep_setting("orders", self.orders)

    def shown(self, name: str) -> Order:
        """The order in force."""
        if name == "clock":
            return {
                "speed": self.clock.anchor.speed,
                "now_ms": self.clock.now_ms(),
                "wall_ms": time.time_ns() // 1_000_000,
            }
        return self.orders[name]


def _anchor(clock: Clock) -> Order:
    return {
        "wall_ms": clock.anchor.wall_ms,
        "simulated_ms": clock.anchor.simulated_ms,
        "speed": clock.anchor.speed,
    }


def _choice(order: Order, field: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    value = order.get(field)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{field} is one of {', '.join(known)}")
    return value


def _limit(order: Order, field: str) -> int | None:
    value = order.get(field)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ValueError(f"{field} is a number of calls a minute, or null for the profile's")
    return value
