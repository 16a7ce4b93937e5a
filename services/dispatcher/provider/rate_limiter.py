"""The rate limiter: no call to the provider without a permit from its tier.

The tiers are rows in the database, shared by all replicas.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from services.dispatcher.domain.pacing import grant, spend
from services.dispatcher.store import rate_limits

GLOBAL = "global"
PAYMENTS = "payments"
ENTITIES = "entities"
ACCOUNTS = "accounts"
READS = "reads"
CRITICAL = "critical"
OTHER = "other"
ALL_TIERS = (GLOBAL, PAYMENTS, ENTITIES, ACCOUNTS, READS, CRITICAL, OTHER)
TIERS = {"POST /payments": PAYMENTS, "POST /entities": ENTITIES, "POST /accounts": ACCOUNTS}

#: Calls a minute. `current` is the provider's table, `legacy` its older rule of 600 over all.
PROFILES: dict[str, dict[str, int]] = {
    "current": {
        GLOBAL: 20_000,
        PAYMENTS: 120,
        ENTITIES: 6_000,
        ACCOUNTS: 6_000,
        READS: 6_000,
        CRITICAL: 60,
        OTHER: 1_800,
    },
    "legacy": dict.fromkeys(ALL_TIERS, 600),
    "demo": dict.fromkeys(ALL_TIERS, 100_000),
}


def tier_of(method: str, path: str) -> str:
    """Return the tier that a call belongs to."""
    if method == "GET":
        return READS
    if method == "DELETE" and path.startswith("/payments/"):
        return CRITICAL
    return TIERS.get(f"{method} {path}", OTHER)


def configure(engine: Engine, limits: Mapping[str, int]) -> None:
    """Set the rates of all tiers; a tier that is closed stays closed."""
    with engine.begin() as connection:
        rate_limits.upsert_rates(connection, limits)


def take(connection: Connection, tier: str, wanted: int) -> int:
    """Take permits for up to `wanted` calls of a tier, spent with this transaction.

    Returns 0 when there is no room or the tier is closed.
    """
    if wanted <= 0:
        return 0
    buckets, now_s = rate_limits.lock_buckets(connection, [GLOBAL, tier])
    room = grant(buckets.values(), wanted, now_s)
    if room:
        free_at_s = {name: spend(bucket, room, now_s) for name, bucket in buckets.items()}
        rate_limits.write_free_at(connection, free_at_s)
    return room


def close(connection: Connection, tier: str, seconds: float) -> None:
    """Close a tier after a 429, and everything where one limit stands for all."""
    rate_limits.close_tier(connection, tier, seconds)


def read_tiers(connection: Connection) -> list[dict[str, Any]]:
    """Return the tiers as people see them."""
    return rate_limits.list_tiers(connection)


def eta_s(connection: Connection, payments: int, objects: int) -> int | None:
    """Return the seconds until so many payments and provider objects can have been sent.

    By the limiter alone: people and doubts take what they take. None before the limits are set.
    """
    tiers = read_tiers(connection)
    if not tiers:
        return None
    per_min = {tier["tier"]: int(tier["per_min"]) for tier in tiers}
    payments_s = payments * 60 / per_min[PAYMENTS]
    everything_s = (payments + objects) * 60 / per_min[GLOBAL]
    closed_s = max(float(tier["closed_s"]) for tier in tiers)
    return int(max(payments_s, everything_s) + closed_s + 0.999)
