"""The table `notification_delivery`: the outbox of notifications, and its dead letters.

An attempt is written before it is made. An attempt that got no answer is made again: a receiver may
see the same delivery id twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.gateway.store.notification_channels import SealedChannel

LEASE_S = 60  # longer than any attempt lasts
PAGE_MAX = 1_000


@dataclass(frozen=True)
class Job(SealedChannel):
    """A delivery to be attempted now, with its event, to this channel."""

    delivery_id: UUID
    attempts: int
    kind: str
    subject: str
    figures: Mapping[str, int]
    path: str
    noticed_at: datetime


def claim_due(connection: Connection, busy: Sequence[UUID], limit: int) -> list[Job]:
    """Claim the oldest due delivery of each channel that is not busy, at most `limit` in all.

    One channel never has two attempts at once, so a slow one holds up itself alone. An attempt is
    counted here, before it is made; without a result it is due again after LEASE_S seconds.
    """
    rows = run(
        connection,
        """
        WITH next AS (
            SELECT DISTINCT ON (channel_id) delivery_id
            FROM notification_delivery d
            WHERE status = 'waiting'
              AND due_at <= now()
              AND channel_id <> ALL(CAST(:busy AS uuid[]))
            ORDER BY channel_id, seq
        ), claimed AS (
            UPDATE notification_delivery d
            SET attempts = attempts + 1,
                due_at = now() + make_interval(secs => :lease_s),
                changed_at = now()
            WHERE delivery_id IN (SELECT delivery_id FROM next LIMIT :limit)
              AND status = 'waiting'
              AND due_at <= now()
            RETURNING delivery_id, attempts, event_id, channel_id
        )
        SELECT x.delivery_id, x.attempts,
               e.kind, e.subject, e.figures, e.path, e.noticed_at,
               c.channel_id, c.person, c.service, c.language, c.sealed_address, c.sealed_secret
        FROM claimed x
        JOIN notification_event e USING (event_id)
        JOIN notification_channel c USING (channel_id)""",
        busy=[str(one) for one in busy],
        limit=limit,
        lease_s=LEASE_S,
    )
    return [Job(**row) for row in rows.mappings()]


def record_result(
    connection: Connection, job: Job, status: str, reason: str = "", wait_s: int = 0
) -> None:
    """Write what became of an attempt. Nothing happens if a later attempt was begun meanwhile.

    Args:
        status: `sent`; `waiting` for another attempt in `wait_s` seconds; `failed`: a dead letter.
        reason: a code, not a text of the receiver.
    """
    run(
        connection,
        """
        UPDATE notification_delivery
        SET status = :status, reason = :reason, changed_at = now(),
            due_at = now() + make_interval(secs => :wait_s)
        WHERE delivery_id = :delivery_id
          AND attempts = :attempts
          AND status = 'waiting'""",
        delivery_id=job.delivery_id,
        attempts=job.attempts,
        status=status,
        reason=reason,
        wait_s=wait_s,
    )


def list_deliveries(
    connection: Connection, person: str, limit: int, before_seq: int | None
) -> tuple[list[dict[str, Any]], int]:
    """A person's deliveries with a number below `before_seq`, newest first, and how many in all."""
    rows = run(
        connection,
        """
        SELECT d.seq, d.delivery_id, d.channel_id, d.status, d.attempts, d.reason,
               d.changed_at, d.due_at, e.kind, e.path, e.noticed_at, c.name AS channel
        FROM notification_delivery d
        JOIN notification_event e USING (event_id)
        JOIN notification_channel c USING (channel_id)
        WHERE c.person = :person
          AND (CAST(:before_seq AS bigint) IS NULL OR d.seq < :before_seq)
        ORDER BY d.seq DESC
        LIMIT :limit""",
        person=person,
        before_seq=before_seq,
        limit=min(limit, PAGE_MAX),
    )
    items = [dict(row) for row in rows.mappings()]
    total = run(
        connection,
        """
        SELECT count(*)
        FROM notification_delivery
        JOIN notification_channel USING (channel_id)
        WHERE person = :person""",
        person=person,
    ).scalar_one()
    return items, int(total)


def redrive(connection: Connection, delivery_id: UUID, person: str) -> bool:
    """Have a dead letter delivered again; False if this person has no such dead letter.

    A second call returns False until it has failed again.
    """
    return (
        run(
            connection,
            """
            UPDATE notification_delivery d
            SET status = 'waiting', attempts = 0, due_at = now(), changed_at = now(), reason = ''
            FROM notification_channel c
            WHERE c.channel_id = d.channel_id
              AND c.person = :person
              AND c.removed_at IS NULL
              AND d.delivery_id = :delivery_id
              AND d.status = 'failed'
            RETURNING 1""",
            delivery_id=delivery_id,
            person=person,
        ).first()
        is not None
    )


def count_failed(connection: Connection) -> float:
    """Dead letters of the last seven days whose channel still stands."""
    return float(
        run(
            connection,
            """
            SELECT count(*)
            FROM notification_delivery
            JOIN notification_channel USING (channel_id)
            WHERE status = 'failed'
              AND removed_at IS NULL
              AND changed_at > now() - interval '7 days'""",
        ).scalar_one()
    )


def oldest_due_age_s(connection: Connection) -> float:
    """Seconds for which the oldest delivery has been due without an attempt; 0 if none is due."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)
            FROM notification_delivery
            WHERE status = 'waiting' AND due_at <= now()""",
        ).scalar_one()
    )
