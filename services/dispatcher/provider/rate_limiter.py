"""The limiter: one row per tier in the database, shared by all replicas; no call is made without its permit."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine

from libs.common.database.engine import run
from services.dispatcher.domain.pacing import Bucket, grant, spend

GLOBAL, PAYMENTS, ENTITIES, ACCOUNTS, READS, CRITICAL, OTHER = (
    "global",
    "payments",
    "entities",
    "accounts",
    "reads",
    "critical",
    "other",
)
TIERS = {"POST /payments": PAYMENTS, "POST /entities": ENTITIES, "POST /accounts": ACCOUNTS}

#: Calls a minute. `current` is the provider's table; `legacy` its older rule of 600 over everything.
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
    "legacy": dict.fromkeys((GLOBAL, PAYMENTS, ENTITIES, ACCOUNTS, READS, CRITICAL, OTHER), 600),
    "demo": dict.fromkeys((GLOBAL, PAYMENTS, ENTITIES, ACCOUNTS, READS, CRITICAL, OTHER), 100_000),
}


def tier_of(method: str, path: str) -> str:
    """The tier a call belongs to."""
    if method == "GET":
        return READS
    if method == "DELETE" and path.startswith("/payments/"):
        return CRITICAL
    return TIERS.get(f"{method} {path}", OTHER)


def configure(engine: Engine, limits: Mapping[str, int]) -> None:
    """Set the rates of all tiers; a tier that is closed stays closed."""
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO limiter (tier, per_min) SELECT * FROM unnest(CAST(:tiers AS text[]), CAST(:rates AS int[]))
            ON CONFLICT (tier) DO UPDATE SET per_min = excluded.per_min""",
            tiers=sorted(limits),
            rates=[limits[t] for t in sorted(limits)],
        )


def take(connection: Connection, tier: str, wanted: int) -> int:
    """Permits for up to `wanted` calls of a tier, spent with this transaction; 0 when there is no room or the tier is closed."""
    if wanted <= 0:
        return 0
    rows = run(
        connection,
        """
        SELECT tier, per_min, extract(epoch FROM greatest(free_at, '1970-01-01')) AS free_at_s,
               extract(epoch FROM greatest(closed_until, '1970-01-01')) AS closed_until_s, extract(epoch FROM clock_timestamp()) AS now_s
        FROM limiter WHERE tier = ANY(CAST(:tiers AS text[])) ORDER BY tier FOR UPDATE""",
        tiers=[GLOBAL, tier],
    ).all()
    buckets = {
        row.tier: Bucket(row.per_min, float(row.free_at_s), float(row.closed_until_s))
        for row in rows
    }
    now_s = max((float(row.now_s) for row in rows), default=0.0)
    room = grant(buckets.values(), wanted, now_s)
    if room:
        run(
            connection,
            """
            UPDATE limiter l SET free_at = to_timestamp(n.free_at_s)
            FROM unnest(CAST(:tiers AS text[]), CAST(:free AS float8[])) AS n(tier, free_at_s) WHERE l.tier = n.tier""",
            tiers=list(buckets),
            free=[spend(b, room, now_s) for b in buckets.values()],
        )
    return room


def close(connection: Connection, tier: str, seconds: float) -> None:
    """The provider answered 429: nothing of this tier (and, under one limit for all, nothing at all) goes out for a while."""
    run(
        connection,
        """
        UPDATE limiter SET closed_until = greatest(closed_until, clock_timestamp() + make_interval(secs => :seconds))
        WHERE tier = :tier OR (tier = 'global' AND per_min <= (SELECT per_min FROM limiter WHERE tier = :tier))""",
        tier=tier,
        seconds=seconds,
    )


def state(connection: Connection) -> list[dict[str, object]]:
    """The tiers as people see them: rate, seconds until the next free call, seconds until a closed tier opens."""
    return [
        dict(row)
        for row in run(
            connection,
            """
        SELECT tier, per_min, extract(epoch FROM greatest(free_at, n) - n)::float8 AS busy_s,
               extract(epoch FROM greatest(closed_until, n) - n)::float8 AS closed_s
        FROM limiter, clock_timestamp() AS n ORDER BY tier""",
        )
        .mappings()
        .all()
    ]
