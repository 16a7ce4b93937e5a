"""Table `payment` after sending: what is due to be read, and whose outcome is looked up."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.store.due import LONGEST_READING_WAIT_S, has_come
from services.dispatcher.store.hints import FRESH_HOURS

LEASE_S = 60.0

# --- readings ----------------------------------------------------------------------------------


def list_due_readings(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return payments that are due to be read, by source account and newest first.

    `hint` is the webhook that asks for it, "" if the payment's own date has come.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.payment_id, p.provider_id, p.provider_created_at, o.provider_id AS source,
                   coalesce(h.provider_event, '') AS hint
            FROM (
                SELECT payment_id
                FROM payment
                WHERE poll_due_at < 'infinity'
                    AND {has_come("poll_due_at", LONGEST_READING_WAIT_S)}
                    AND provider_id IS NOT NULL
                UNION
                SELECT q.payment_id
                FROM hint g
                JOIN payment q USING (provider_id)
                WHERE g.at > now() - interval '{FRESH_HOURS} hours' AND q.status <> 'cancelled'
            ) due
            JOIN payment p USING (payment_id)
            JOIN object o ON o.object_id = p.source_object
            LEFT JOIN hint h ON h.provider_id = p.provider_id
            ORDER BY p.source_object, p.provider_created_at DESC
            LIMIT :limit""",  # noqa: S608 - a condition and a number of our own
            limit=limit,
        )
    )


def find_next_newer(connection: Connection, payment_id: UUID) -> str | None:
    """Return the provider payment created next after this one, from the same source account."""
    found: str | None = run(
        connection,
        """
        SELECT p.provider_id
        FROM payment p
        JOIN payment n ON n.payment_id = :payment_id AND n.source_object = p.source_object
        WHERE p.provider_created_at > n.provider_created_at AND p.provider_id IS NOT NULL
        ORDER BY p.provider_created_at
        LIMIT 1""",
        payment_id=payment_id,
    ).scalar()
    return found


def lock_by_provider_ids(connection: Connection, provider_ids: Collection[str]) -> list[Row[Any]]:
    """Lock the payments bound to these provider payments. `paid_s_ago` is 0 if not paid yet."""
    return list(
        run(
            connection,
            """
            SELECT *, coalesce(extract(epoch FROM now() - paid_at), 0)::float8 AS paid_s_ago
            FROM payment
            WHERE provider_id = ANY(CAST(:ids AS text[]))
            ORDER BY payment_id
            FOR UPDATE""",
            ids=list(provider_ids),
        )
    )


def schedule_readings(connection: Connection, waits: Sequence[tuple[UUID, float | None]]) -> None:
    """Set when payments (id, seconds from now or None for never) are read again.

    One that was read early, because of a webhook, keeps its date.
    """
    if not waits:
        return
    run(
        connection,
        f"""
        UPDATE payment p
        SET poll_due_at = CASE
                WHEN x.wait_s IS NULL THEN 'infinity'
                ELSE now() + make_interval(secs => x.wait_s)
            END
        FROM unnest(CAST(:ids AS uuid[]), CAST(:waits AS float8[])) AS x(payment_id, wait_s)
        WHERE p.payment_id = x.payment_id
            AND (
                (x.wait_s IS NULL AND p.poll_due_at < 'infinity')
                OR {has_come("p.poll_due_at", LONGEST_READING_WAIT_S)}
            )""",  # noqa: S608 - a condition of our own
        ids=[str(payment_id) for payment_id, _ in waits],
        waits=[wait for _, wait in waits],
    )


def postpone_reading(connection: Connection, payment_id: UUID, wait_s: float) -> None:
    """Read a payment again in `wait_s` seconds, not sooner because of a webhook that came."""
    run(
        connection,
        """
        UPDATE payment
        SET poll_due_at = now() + make_interval(secs => :wait_s)
        WHERE payment_id = :id""",
        id=payment_id,
        wait_s=wait_s,
    )


def record_created_at(connection: Connection, created_at: Mapping[str, datetime]) -> None:
    """Note when the provider created its payments, where that is not known here.

    Readings by list pages begin from these times. A second call changes nothing.
    """
    run(
        connection,
        """
        UPDATE payment p
        SET provider_created_at = x.at
        FROM unnest(CAST(:ids AS text[]), CAST(:ats AS timestamptz[])) AS x(provider_id, at)
        WHERE p.provider_id = x.provider_id AND p.provider_created_at IS NULL""",
        ids=list(created_at),
        ats=list(created_at.values()),
    )


# --- look-ups ----------------------------------------------------------------------------------


def list_due_lookups(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return payments whose outcome is to be looked up, as far as nobody has their lease.

    `sends` is how often the newest attempt was sent. Whether their grace is over is not decided
    here: the database's clock is no judge of that.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.payment_id, p.attempts, p.looks, p.fence, a.sends
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            WHERE p.status = 'in_doubt'
                AND p.step = 'lookup'
                AND {has_come("p.due_at")}
                AND {has_come("p.lease_until")}
            ORDER BY p.due_at
            LIMIT :limit""",  # noqa: S608 - conditions of our own
            limit=limit,
        )
    )


#: The provider accepted an attempt of payment `p` once, or answered its newest attempt `a` with a
#: 200: it is never believed absent.
MAY_EXIST = """(
                       a.http_status = 200
                       OR p.reason_code = 'mismatch'
                       OR EXISTS (
                           SELECT FROM attempt y
                           WHERE y.subject_id = p.payment_id AND y.outcome = 'accepted'
                       )
                   ) IS TRUE"""


def lease_lookups(connection: Connection, fences: Mapping[UUID, int]) -> list[Row[Any]]:
    """Take the lease of payments that still have these fences, and return them as they were.

    Each has whether it `may_exist` under another id, when it was approved, the provider's clock
    before the first attempt (`provider_date`), `our_now`, how many attempts were `absent`, its
    accounts' provider ids (None for one that is not linked) and its batch's `state`. The lease's
    fence is one higher.
    """
    rows = list(
        run(
            connection,
            f"""
            SELECT p.*, f.provider_date, now() AS our_now,
                   (
                       SELECT count(*)
                       FROM attempt x
                       WHERE x.subject_id = p.payment_id AND x.outcome = 'absent'
                   ) AS absent,
                   {MAY_EXIST} AS may_exist,
                   s.provider_id AS source, d.provider_id AS destination, b.state
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            JOIN attempt f ON f.subject_id = p.payment_id AND f.n = 1
            LEFT JOIN object s ON s.object_id = p.source_object
            LEFT JOIN object d ON d.object_id = p.destination_object
            JOIN batch b ON b.batch_id = p.batch_id
            JOIN unnest(CAST(:ids AS uuid[]), CAST(:fences AS bigint[])) AS x(payment_id, fence)
                ON x.payment_id = p.payment_id
            WHERE p.status = 'in_doubt' AND p.step = 'lookup' AND p.fence = x.fence
            ORDER BY p.due_at
            FOR UPDATE OF p SKIP LOCKED""",  # noqa: S608 - a condition of our own
            ids=[str(payment_id) for payment_id in fences],
            fences=list(fences.values()),
        )
    )
    run(
        connection,
        """
        UPDATE payment
        SET lease_until = now() + make_interval(secs => :lease_s), fence = fence + 1
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(row.payment_id) for row in rows],
        lease_s=LEASE_S,
    )
    return rows


def lock_leased(connection: Connection, payment_id: UUID, fence: int) -> Row[Any] | None:
    """Lock a payment in doubt under the fence of its lease; None if another worker has it now."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT *
        FROM payment
        WHERE payment_id = :id AND fence = :fence AND status = 'in_doubt'
        FOR UPDATE""",
        id=payment_id,
        fence=fence,
    ).first()
    return found


def restart_lookups(connection: Connection, payment_id: UUID, fence: int, wait_s: float) -> None:
    """Look a payment up again in `wait_s` seconds, and count absences from the beginning.

    A walk that was not complete says nothing about absence. Another fence changes nothing.
    """
    run(
        connection,
        """
        UPDATE payment
        SET lease_until = '-infinity', looks = 0,
            due_at = now() + make_interval(secs => :wait_s)
        WHERE payment_id = :id AND fence = :fence AND status = 'in_doubt'""",
        id=payment_id,
        fence=fence,
        wait_s=wait_s,
    )


def lock_undecided(connection: Connection) -> list[Row[Any]]:
    """Lock every payment whose newest attempt has no known outcome.

    `may_exist` says that an attempt was once accepted, or the newest one answered with a 200;
    `absent` is how many attempts were; `state` is its batch's.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.*, b.state,
                   (
                       SELECT count(*)
                       FROM attempt x
                       WHERE x.subject_id = p.payment_id AND x.outcome = 'absent'
                   ) AS absent,
                   {MAY_EXIST} AS may_exist
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            JOIN batch b ON b.batch_id = p.batch_id
            WHERE p.status IN ('sending', 'in_doubt')
            ORDER BY p.payment_id
            FOR UPDATE OF p""",  # noqa: S608 - a condition of our own
        )
    )
