"""Rate limits: rolling windows of 60 s per key and tier. Pure: the time is a parameter."""

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 60.0
PAYMENTS, CRITICAL, OTHER_WRITES, READS = "payments", "critical", "other", "reads"


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """The limits of a profile, in requests a minute.

    `everything` is over all tiers, `standard_writes` for each tier of standard writes. A tier that
    is exceeded stays closed for `block_s`. `per_address`: windows are per address, not per key.
    """

    everything: int | None = None
    tiers: tuple[tuple[str, int], ...] = ()
    standard_writes: int | None = None
    block_s: float = 0.0
    per_address: bool = False
    unauthenticated: int | None = None


PROFILES = {
    "demo": LimitProfile(everything=120_000),
    "legacy": LimitProfile(everything=600, per_address=True),
    "current": LimitProfile(
        tiers=((PAYMENTS, 120), (CRITICAL, 60), (OTHER_WRITES, 1_800), (READS, 6_000)),
        standard_writes=6_000,
        block_s=60.0,
        unauthenticated=60,
    ),
}


def tier_of(method: str, template: str) -> str:
    """The tier a call belongs to; the standard writes are a tier for each method and resource."""
    call = f"{method} {template}"
    if method == "GET":
        return READS
    if call == "POST /payments":
        return PAYMENTS
    if call in {"DELETE /payments/{id}", "POST /reports"}:
        return CRITICAL
    if template.startswith(("/entities", "/accounts")):
        return f"{method} /{template.split('/')[1]}"
    return OTHER_WRITES


@dataclass(slots=True)
class Window:
    """The times (s) of the last minute's admitted calls, and until when the window is closed."""

    moments: deque[float] = field(default_factory=deque)
    closed_until: float = 0.0

    def wait_s(self, limit: int, block_s: float, now_s: float) -> float:
        """0 if a call may pass now, else the seconds until one may. May begin a block."""
        if now_s < self.closed_until:
            return self.closed_until - now_s
        moments = self.moments
        while moments and moments[0] <= now_s - WINDOW_S:
            moments.popleft()
        if len(moments) < limit:
            return 0.0
        if block_s:
            self.closed_until = now_s + block_s
            return block_s
        return moments[-limit] + WINDOW_S - now_s if limit else WINDOW_S


class Limiter:
    """Admits or refuses calls under one profile; overrides replace the profile's numbers."""

    def __init__(self, profile: str) -> None:
        self.profile = PROFILES[profile]
        self.requests_per_min: int | None = None
        self.payments_per_min: int | None = None
        self._windows: dict[tuple[str, str], Window] = {}

    def set_profile(self, profile: str) -> None:
        """Change the profile. All windows become empty."""
        self.profile = PROFILES[profile]
        self._windows.clear()

    def override(self, requests_per_min: int | None, payments_per_min: int | None) -> None:
        """Replace the profile's limits over everything and of payments; None: the profile's own.

        All windows become empty.
        """
        self.requests_per_min, self.payments_per_min = requests_per_min, payments_per_min
        self._windows.clear()

    def limit_of(self, tier: str) -> int | None:
        """The limit of a tier, in calls a minute; None: no limit."""
        if tier == PAYMENTS and self.payments_per_min is not None:
            return self.payments_per_min
        named = dict(self.profile.tiers)
        return named.get(
            tier,
            None
            if tier in {PAYMENTS, CRITICAL, OTHER_WRITES, READS}
            else self.profile.standard_writes,
        )

    def admit(self, api_key: str, address: str, tier: str, now_s: float) -> float:
        """0 if the call may run, and it is counted; else the seconds to wait, and it is not."""
        who = address if self.profile.per_address else api_key
        everything = (
            self.requests_per_min if self.requests_per_min is not None else self.profile.everything
        )
        return self._pass(who, (("everything", everything), (tier, self.limit_of(tier))), now_s)

    def admit_unauthenticated(self, address: str, now_s: float) -> float:
        """The same for a call without a valid API key."""
        return self._pass(address, (("unauthenticated", self.profile.unauthenticated),), now_s)

    def _pass(self, who: str, buckets: tuple[tuple[str, int | None], ...], now_s: float) -> float:
        passed = []
        for name, limit in buckets:
            if limit is None:
                continue
            window = self._windows.get((who, name))
            if window is None:
                window = self._windows[who, name] = Window()
            wait_s = window.wait_s(limit, self.profile.block_s, now_s)
            if wait_s:
                return wait_s
            passed.append(window)
        for window in passed:
            window.moments.append(now_s)
        return 0.0
