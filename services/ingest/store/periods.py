"""Pay periods: that of a batch, who chose it (`period_choice`), and the calendars there were."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.database.engine import run
from services.ingest.domain.batch import NOT_LIVE
from services.ingest.domain.pay_period import PayCalendar
from services.ingest.store.claimed_days import DAYS_OF_BATCH


def set_period(
    connection: Connection, batch_id: UUID, period: date, last: date | None, other: date | None
) -> None:
    """Set the pay period of a batch that is not approved; the database refuses it for one that is.

    Args:
        period: its first day; `last` its last day, None for 14 days.
        other: the first day of the period that may have been meant instead, if any.
    """
    run(
        connection,
        """
        UPDATE batch
        SET period = :period, period_end = :last, other_period = :other
        WHERE batch_id = :id""",
        id=batch_id,
        period=period,
        last=last,
        other=other,
    )


def is_missing(connection: Connection, first: date, after: date) -> bool:
    """Whether a period has no approved batch, while an earlier one has.

    So the first roster of an installation is not late.

    Args:
        first: the first day of the period; `after` the first day after it.
    """
    found = run(
        connection,
        f"""
        SELECT coalesce(bool_or({DAYS_OF_BATCH} && daterange(:first, :after)), false) AS there,
            coalesce(bool_or(b.period < :first), false) AS earlier
        FROM approval
        JOIN batch b USING (batch_id)
        WHERE b.status <> 'cancelled'""",  # noqa: S608 - our own text
        first=first,
        after=after,
    ).one()
    return bool(found.earlier and not found.there)


def list_batches_of(connection: Connection, first: date, after: date) -> list[dict[str, Any]]:
    """List the batches whose pay period begins on these days and that are not over, newest first.

    Args:
        first: the first day; `after` the first day that does not belong to them any more.
    """
    found = run(
        connection,
        """
        SELECT CAST(batch_id AS text) AS batch_id, status, filename
        FROM batch
        WHERE period >= :first AND period < :after AND status <> ALL(:over)
        ORDER BY uploaded_at DESC, batch_id""",
        first=first,
        after=after,
        over=sorted(NOT_LIVE),
    )
    return [dict(row) for row in found.mappings()]


def insert_choice(
    connection: Connection, batch_id: UUID, old: date, new: date, person: str, now: datetime
) -> None:
    """Keep who chose another period for a batch; that person cannot approve it."""
    run(
        connection,
        """
        INSERT INTO period_choice (batch_id, from_period, to_period, chosen_by, chosen_at)
        VALUES (:id, :old, :new, :person, :now)""",
        id=batch_id,
        old=old,
        new=new,
        person=person,
        now=now,
    )


def record_calendar(engine: Engine, calendar: PayCalendar, now: datetime) -> None:
    """Keep the configured calendar, if it is not the one of the last start."""
    with engine.begin() as connection:
        run(connection, "LOCK TABLE pay_calendar IN SHARE ROW EXCLUSIVE MODE")
        run(
            connection,
            """
            INSERT INTO pay_calendar (kind, anchor, since)
            SELECT :kind, :anchor, :now
            WHERE NOT EXISTS (
                SELECT
                FROM (
                    SELECT kind, anchor
                    FROM pay_calendar
                    ORDER BY calendar_id DESC
                    LIMIT 1) newest
                WHERE newest.kind = :kind AND newest.anchor = :anchor)""",
            kind=calendar.kind,
            anchor=calendar.anchor,
            now=now,
        )
