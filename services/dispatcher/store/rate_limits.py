"""Table `limiter`: one row per tier of the provider's rate limits, shared by all replicas."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.dispatcher.domain.pacing import Bucket

WINDOW_S = 60.0  # of the provider's rate limits


def upsert_rates(connection: Connection, rates: Mapping[str, int]) -> None:
    """Set the calls a minute of each tier; a tier that is closed stays closed."""
    run(
        connection,
        """
        INSERT INTO limiter (tier, per_min)
        SELECT *
        FROM unnest(CAST(:tiers AS text[]), CAST(:rates AS int[]))
        ON CONFLICT (tier) DO UPDATE
        SET per_min = excluded.per_min""",
        tiers=sorted(rates),
        rates=[rates[tier] for tier in sorted(rates)],
    )


def lock_buckets(connection: Connection, tiers: list[str]) -> tuple[dict[str, Bucket], float]:
    """Lock tiers until the end of the transaction; return them and the database's clock (s).

    If the clock was set back, a wait becomes as long as it was at first, never longer.
    """
    _shorten_waits(connection)
    rows = run(
        connection,
        """
        SELECT tier, per_min,
               extract(epoch FROM greatest(free_at, '1970-01-01')) AS free_at_s,
               extract(epoch FROM greatest(closed_until, '1970-01-01')) AS closed_until_s,
               extract(epoch FROM clock_timestamp()) AS now_s
        FROM limiter
        WHERE tier = ANY(CAST(:tiers AS text[]))
        ORDER BY tier
        FOR UPDATE""",
        tiers=tiers,
    ).all()
    buckets = {
        row.tier: Bucket(row.per_min, float(row.free_at_s), float(row.closed_until_s))
        for row in rows
    }
    return buckets, max((float(row.now_s) for row in rows), default=0.0)


def _shorten_waits(connection: Connection) -> None:
    run(
        connection,
        """
        UPDATE limiter
        SET free_at = least(free_at, clock_timestamp() + make_interval(secs => :window_s)),
            closed_until = least(
                closed_until, clock_timestamp() + make_interval(secs => closed_for_s)
            )
        WHERE free_at > clock_timestamp() + make_interval(secs => :window_s + 1)
            OR closed_until > clock_timestamp() + make_interval(secs => closed_for_s + 1)""",
        window_s=WINDOW_S,
    )


def write_free_at(connection: Connection, free_at_s: Mapping[str, float]) -> None:
    """Set when the next call of each tier may be made (seconds by the database's clock)."""
    run(
        connection,
        """
        UPDATE limiter l
        SET free_at = to_timestamp(x.free_at_s)
        FROM unnest(CAST(:tiers AS text[]), CAST(:free AS float8[])) AS x(tier, free_at_s)
        WHERE l.tier = x.tier""",
        tiers=list(free_at_s),
        free=list(free_at_s.values()),
    )


def close_tier(connection: Connection, tier: str, seconds: float) -> None:
    """Make no call of a tier for so long; a second call never shortens it.

    Where the tier's limit is the global one, the global tier closes with it.
    """
    run(
        connection,
        """
        UPDATE limiter
        SET closed_until = greatest(
                closed_until, clock_timestamp() + make_interval(secs => :seconds)
            ),
            closed_for_s = greatest(
                :seconds,
                extract(
                    epoch FROM greatest(closed_until, clock_timestamp()) - clock_timestamp()
                )::float8
            )
        WHERE tier = :tier
            OR (
                tier = 'global'
                AND per_min <= (SELECT per_min FROM limiter WHERE tier = :tier)
            )""",
        tier=tier,
        seconds=seconds,
    )


def list_tiers(connection: Connection) -> list[dict[str, Any]]:
    """Return the tiers as people see them, in the order of their names.

    `busy_s` is seconds until the next free call, `closed_s` seconds until a closed tier opens.
    """
    rows = run(
        connection,
        """
        SELECT tier, per_min,
               extract(epoch FROM greatest(free_at, n) - n)::float8 AS busy_s,
               extract(epoch FROM greatest(closed_until, n) - n)::float8 AS closed_s
        FROM limiter, clock_timestamp() AS n
        ORDER BY tier""",
    )
    return [dict(row) for row in rows.mappings()]


def read_payments_per_min(connection: Connection) -> int:
    """Return how many payments may be sent a minute; 0 before the limits are set."""
    per_min: int = run(
        connection, "SELECT coalesce(min(per_min), 0) FROM limiter WHERE tier = 'payments'"
    ).scalar_one()
    return per_min


def read_busy_s(connection: Connection) -> float:
    """Return the longest wait for a free call over all tiers, in seconds."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(max(extract(epoch FROM greatest(free_at, now()) - now())), 0)
            FROM limiter""",
        ).scalar_one()
    )


def read_closed_s(connection: Connection) -> float:
    """Return how long the tier that is closed longest stays closed, in seconds."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(max(extract(epoch FROM greatest(closed_until, now()) - now())), 0)
            FROM limiter""",
        ).scalar_one()
    )
