"""A file of mended rows: a child of the batch whose refused rows it mends.

It is read like any roster, but each of its rows must mend one of the refused rows.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from services.ingest.domain.batch import APPROVED, Batch, status_words
from services.ingest.domain.errors import RequestError
from services.ingest.domain.mended_row import (
    ALSO_PAID,
    ALSO_PAID_FIELD,
    ALSO_PAID_SENTENCE,
    Originals,
    RefusedRow,
    also_paid_value,
)
from services.ingest.store import batches, issues
from services.ingest.store import mended_rows as stored


@dataclass(frozen=True)
class MendedUpload:
    """A file of mended rows that was stored: the batch it becomes, and why it is sent once more."""

    child_id: UUID
    content_sha256: str
    filename: str
    person: str
    at: datetime
    repeat_reason: str = ""


def check_parent(parent: Batch) -> None:
    """Raise RequestError unless refused rows of this batch may be paid in a child batch."""
    if parent.status not in APPROVED:
        raise RequestError(
            "conflict",
            "child.parent-not-approved",
            f"The batch is {status_words(parent.status)}; only an approved one has child batches. "
            "Nothing of the file was stored.",
            "If it is not approved yet, discard it and upload a roster in which all rows are "
            "mended; or approve it first.",
            batch_status=parent.status,
        )


def insert_child(connection: Connection, parent_id: UUID, upload: MendedUpload) -> Batch:
    """Insert the child batch of a file of mended rows; it is read like any uploaded file.

    Raises:
        RequestError: the parent is not approved, or these bytes are a live child of it already.
    """
    parent = batches.get_batch(connection, parent_id, lock=True)
    check_parent(parent)
    live = stored.find_live_mended_file(connection, parent_id, upload.content_sha256)
    if live is not None and not upload.repeat_reason:
        raise RequestError(
            "conflict",
            "upload.repeated",
            f"This very file is batch {live} already. Nothing was stored.",
            "Look at that batch; to upload it again on purpose, give a reason for the repeat.",
            batch_id=str(live),
        )
    child = Batch(
        batch_id=upload.child_id,
        family_id=parent.family_id,
        parent_batch_id=parent.batch_id,
        status="reading",
        filename=upload.filename or f"{parent.filename} (mended rows)",
        period=parent.period,
        period_end=parent.period_end,
        uploaded_by=upload.person,
        uploaded_at=upload.at,
        content_sha256=upload.content_sha256,
    )
    batches.insert_batch(connection, child, upload.repeat_reason)
    return child


def find_originals(connection: Connection, batch: Batch) -> Originals | None:
    """The refused rows that the file of a batch mends; None if it is an ordinary roster."""
    if batch.parent_batch_id is None:
        return None
    return Originals(
        {
            str(row.root_row_id): RefusedRow(row.person_key, row.is_person_in_doubt)
            for row in stored.list_originals(connection, batch.parent_batch_id)
        }
    )


def is_mended(batch: Batch) -> bool:
    """Whether a batch was read from a file of mended rows."""
    return batch.parent_batch_id is not None and batch.content_sha256 is not None


def replace_also_paid(connection: Connection, batch: Batch) -> None:
    """Replace the warnings about mended rows whose loan another row of their family pays."""
    if not is_mended(batch):
        return
    issues.replace_row_warnings(
        connection,
        batch.batch_id,
        ALSO_PAID,
        ALSO_PAID_SENTENCE,
        [
            (file_row, line, ALSO_PAID_FIELD, value)
            for file_row, line, value in _find_also_paid(connection, batch.batch_id)
        ],
    )


def has_also_paid_since(connection: Connection, batch: Batch) -> bool:
    """Whether the family pays loans of mended rows of which the last check gave no warning."""
    if not is_mended(batch):
        return False
    places = _find_also_paid(connection, batch.batch_id)
    found = {(file_row, value) for file_row, _, value in places}
    return not found <= issues.list_row_warnings(connection, batch.batch_id, ALSO_PAID)


def _find_also_paid(connection: Connection, batch_id: UUID) -> list[tuple[int, int, str]]:
    return [
        (one.file_row, one.line, also_paid_value(one.batch_id, one.other_row))
        for one in stored.find_also_paid(connection, batch_id)
    ]
