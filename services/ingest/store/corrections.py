"""Table `correction`: every change of a payor's address, and who made it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.correction import Correction


def insert_correction(
    connection: Connection, batch_id: UUID, correction: Correction, person: str, now: datetime
) -> None:
    """Insert a correction. Its person can no longer approve the batch."""
    run(
        connection,
        """
        INSERT INTO correction (
            batch_id, source_account_id, field, from_value, to_value, corrected_by, corrected_at)
        VALUES (:id, :source, :field, :from_value, :to_value, :person, :now)""",
        id=batch_id,
        source=correction.source_account_id,
        field=correction.field,
        from_value=correction.from_value,
        to_value=correction.to_value,
        person=person,
        now=now,
    )


def list_corrections(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the corrections of a batch, in the order in which they were made."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT source_account_id, field, from_value, to_value, corrected_by, corrected_at
        FROM correction
        WHERE batch_id = :id
        ORDER BY correction_id""",
        id=batch_id,
    ).all()
    return found
