"""The provider as one object: state, storage, limits, faults, webhooks, clock, and its controls."""

import asyncio
import heapq
import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator import lifecycle
from simulator.clock import SPEED_MAX, Anchor, Clock
from simulator.faults import Faults, parse_faults
from simulator.limits import PROFILES, Limiter
from simulator.outcomes import Outcomes, parse_outcomes
from simulator.state import Policy, ProviderState
from simulator.storage import DAY_MS, Storage
from simulator.webhook_sender import MODES, WebhookSender

CONTROLS_SETTING = "orders"  # the name in existing files
TICK_S, STEPS_PER_TICK, COUNTERS_EVERY_S = 0.05, 50, 1.0
IDLE_TICK_S = 0.25  # while no payment has a step before it
#: A control is JSON from outside; each is checked where it is applied.
Control = dict[str, Any]


class ProviderEngine:
    """What the API and the control API work on.

    Controls are stored, and applied again after a restart.
    """

    def __init__(
        self,
        path: Path,
        profile: str = "demo",
        policy: Policy | None = None,
        seed: int = 0,
        retention_ms: int = DAY_MS,
    ) -> None:
        self.storage = Storage(path, retention_ms)
        salt = self.storage.find_setting("salt")
        if salt is None:
            salt = secrets.token_hex(8)
            self.storage.store_setting("salt", salt)
        anchor = self.storage.find_setting("clock")
        self.clock = Clock(None if anchor is None else Anchor(**anchor))
        self.storage.store_setting("clock", _anchor(self.clock))
        self.state = ProviderState(salt, profile, policy)
        self.limiter, self.faults = Limiter(profile), Faults()
        self.webhooks = WebhookSender(self.state, self.clock, seed)
        self.storage.load(
            self.state, self.store_counters, self.webhooks.enqueue_events, self.clock.now_ms()
        )
        counters = self.storage.find_setting("counters") or {}
        self.calls: Counter[str] = Counter(counters.get("calls"))
        self.limit_violations: int = counters.get("limit_violations", 0)
        self.webhooks.sent, self.webhooks.delivered = counters.get("webhooks", (0, 0))
        self._stored_counters = json.dumps(counters)
        self.controls: dict[str, Control] = {name: {} for name in ("faults", "outcomes")}
        self.controls |= {
            "webhooks": {"mode": "normal"},
            "profile": {"name": profile},
            "limits": {"requests_per_min": None, "payments_per_min": None},
        }
        for name, control in (self.storage.find_setting(CONTROLS_SETTING) or {}).items():
            self.apply_control(name, control)
        self._heap: list[tuple[int, str]] = []
        self._tasks: list[asyncio.Task[None]] = []

    # Start and stop

    def start(self) -> None:
        """Begin to move payments and to deliver webhooks."""
        self.webhooks.start()
        self._tasks = [
            asyncio.create_task(self._move_payments()),
            asyncio.create_task(self._store_counters_regularly()),
        ]

    async def stop(self) -> None:
        """Stop everything, and write what is not written yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.webhooks.stop()
        self.store_counters()
        self.storage.close()

    async def _move_payments(self) -> None:
        """Carry out the due steps of all plans, some at a time so that the API stays quick."""
        while True:
            more = self.move_due(self.clock.now_ms())
            await self.storage.committed()
            waiting_s = TICK_S if self._heap else IDLE_TICK_S
            await asyncio.sleep(0 if more else waiting_s)

    def move_due(self, now_ms: int) -> bool:
        """Carry out at most STEPS_PER_TICK due steps; true if there may be more."""
        for _ in range(STEPS_PER_TICK):
            for item in self.state.due:
                heapq.heappush(self._heap, item)
            self.state.due.clear()
            if not self._heap or self._heap[0][0] > now_ms:
                return False
            lifecycle.step(self.state, heapq.heappop(self._heap)[1], now_ms)
        return True

    async def _store_counters_regularly(self) -> None:
        while True:
            await asyncio.sleep(COUNTERS_EVERY_S)
            self.store_counters()
            await self.storage.committed()

    def store_counters(self) -> None:
        """Store the counters with the next group, if they changed."""
        counters = {
            "calls": self.calls,
            "limit_violations": self.limit_violations,
            "webhooks": [self.webhooks.sent, self.webhooks.delivered],
        }
        text = json.dumps(counters)
        if text != self._stored_counters:
            self._stored_counters = text
            self.storage.store_setting("counters", counters)

    # Controls

    def apply_control(self, name: str, control: Control) -> None:
        """Apply a control from now on, and store it.

        Raises:
            ValueError: it is wrong; the message is one sentence, and nothing changed.
        """
        if not isinstance(control, dict):
            raise ValueError("a control is a JSON object")  # noqa: TRY004 - one kind of error
        if name == "clock":
            self.clock.set_speed(_speed(control))
            self.storage.store_setting("clock", _anchor(self.clock))
            return
        if name == "faults":
            self.faults = parse_faults(control)
        elif name == "outcomes":
            self.state.outcomes = parse_outcomes(control) if control else Outcomes()
        elif name == "webhooks":
            self.webhooks.mode = _choice(control, "mode", MODES)
        elif name == "profile":
            self.state.profile = _choice(control, "name", PROFILES)
            self.limiter.set_profile(self.state.profile)
        elif name == "limits":
            self.limiter.override(
                _limit(control, "requests_per_min"), _limit(control, "payments_per_min")
            )
        self.controls[name] = control
        self.storage.store_setting(CONTROLS_SETTING, self.controls)

    def control(self, name: str) -> Control:
        """The control in force."""
        if name == "clock":
            return {
                "speed": self.clock.anchor.speed,
                "now_ms": self.clock.now_ms(),
                "wall_ms": time.time_ns() // 1_000_000,
            }
        return self.controls[name]


def _anchor(clock: Clock) -> Control:
    return {
        "wall_ms": clock.anchor.wall_ms,
        "simulated_ms": clock.anchor.simulated_ms,
        "speed": clock.anchor.speed,
    }


def _speed(control: Control) -> float:
    speed = control.get("speed")
    if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0 < speed <= SPEED_MAX:
        raise ValueError(f"speed is more than 0 and at most {SPEED_MAX:.0f}")
    return float(speed)


def _choice(control: Control, field: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    value = control.get(field)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{field} is one of {', '.join(known)}")
    return value


def _limit(control: Control, field: str) -> int | None:
    value = control.get(field)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ValueError(f"{field} is a number of calls a minute, or null for the profile's")
    return value
