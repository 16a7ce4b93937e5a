"""Table `discard`: who discarded a batch, when and why."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def insert_discard(
    connection: Connection, batch_id: UUID, person: str, reason: str, at: datetime
) -> None:
    """Insert the discard of a batch that was just set to `discarded`."""
    run(
        connection,
        """
        INSERT INTO discard (batch_id, reason, discarded_by, discarded_at)
        VALUES (:id, :reason, :person, :at)""",
        id=batch_id,
        reason=reason,
        person=person,
        at=at,
    )


def find_discard(connection: Connection, batch_id: UUID) -> Any:
    """Find who discarded a batch, when and why; None if nobody did."""
    return run(
        connection,
        """
        SELECT reason, discarded_by, discarded_at
        FROM discard
        WHERE batch_id = :id""",
        id=batch_id,
    ).first()
