"""How batches end without a person: certified, expired, archived. Leftover files are removed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.observability.logs import log
from services.ingest.store import batches, certificates, files, published_events
from services.ingest.uploads import UploadFolder


def run_housekeeping(
    engine: Engine, folder: UploadFolder, ready_days: int, archive_days: int
) -> None:
    """Do all housekeeping once. A second call finds nothing to do.

    Args:
        ready_days: a batch that nobody approved for so long expires.
        archive_days: a batch that was completed so long ago is archived.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        expire_batches(connection, now - timedelta(days=ready_days), now, ready_days)
        complete_batches(connection, certificates.list_unfinished(connection), now)
        archive_batches(connection, now - timedelta(days=archive_days), now)
        known = files.list_batch_ids(connection)
    folder.remove_leftovers(known)


def remove_old_files(
    engine: Engine, folder: UploadFolder, files_days: int, now: datetime | None = None
) -> int:
    """Remove the uploaded files of batches that were read, so many days after the upload.

    All that was read of them is in rows, encrypted. A second call finds nothing to do.

    Returns:
        How many were removed.
    """
    before = (now or datetime.now(UTC)) - timedelta(days=files_days)
    with engine.connect() as connection:
        old = files.list_old(connection, before)
    removed = sum(folder.remove(batch_id) for batch_id in old)
    if removed:
        log.info("old_files_removed", count=removed)
    return removed


def expire_batches(
    connection: Connection, ready_before: datetime, now: datetime, ready_days: int
) -> list[UUID]:
    """End the batches that have been ready since before then; their ids.

    None of their rows was paid or claimed; all count as cancelled.
    """
    overdue = batches.lock_overdue(connection, ready_before)
    for batch_id in overdue:
        reason = f"nobody approved it within {ready_days} days"
        batches.set_status(connection, batch_id, "expired", ("ready",), reason)
        published_events.publish_batch(connection, batch_id, now)
    return overdue


def archive_batches(connection: Connection, ended_before: datetime, now: datetime) -> list[UUID]:
    """Archive the batches that were completed before then; their ids.

    Nothing of them is deleted, and a newer certificate brings one back.
    """
    archivable = batches.lock_archivable(connection, ended_before)
    for batch_id in archivable:
        completed = ("completed", "completed_with_failures")
        batches.set_status(connection, batch_id, "archived", completed)
        published_events.publish_batch(connection, batch_id, now)
    return archivable


def complete_batches(connection: Connection, batch_ids: Sequence[UUID], now: datetime) -> None:
    """End batches as their newest certificates say.

    A batch with a rejected message that nobody has redriven stays as it is.
    """
    for batch_id in batch_ids:
        if batches.complete(connection, batch_id, now):
            published_events.publish_batch(connection, batch_id, now)
        else:
            log.error("dead_letter_bars_completion", batch_id=str(batch_id))
