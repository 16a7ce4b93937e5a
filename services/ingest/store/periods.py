"""The pay period of a batch, in table `batch`."""

from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


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
