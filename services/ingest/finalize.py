"""Making a batch ready: outcomes, totals, digest and the messages of its rows, once the provider has been asked."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from libs.common.contracts.events.preparation import PreflightDone
from libs.common.observability import tracing
from libs.common.observability.logs import log
from services.ingest import handlers
from services.ingest.domain import (
    NOT_CHECKED,
    NOT_CHECKED_SENTENCE,
    OVERLAP,
    Batch,
    Digest,
    overlap_sentence,
)
from services.ingest.store import batches, rows


def settle_one(engine: Engine) -> bool:
    """Make the oldest batch ready whose preflight has come; False if there is none. All of it is one transaction."""
    with engine.begin() as connection:
        found = batches.claim_checked(connection)
        if found is None:
            return False
        batch, preflight = found
        now = datetime.now(UTC)
        with tracing.batch_span("make ready", batch.batch_id):
            sent = _make_ready(connection, batch, preflight, now)
        log.info(
            "batch_ready",
            batch_id=str(batch.batch_id),
            count=sent,
            seconds=round((datetime.now(UTC) - now).total_seconds(), 1),
        )
    return True


def _make_ready(
    connection: Connection, batch: Batch, preflight: PreflightDone, now: datetime
) -> int:
    rows.judge(connection, batch, handlers.on_preflight_done(preflight))
    rows.warn(
        connection,
        batch.batch_id,
        NOT_CHECKED,
        [] if preflight.checked else [("", NOT_CHECKED_SENTENCE)],
    )
    shared = rows.overlaps(connection, batch)
    rows.warn(
        connection,
        batch.batch_id,
        OVERLAP,
        [(str(one.batch_id), overlap_sentence(one)) for one in shared],
    )
    rows.total(connection, batch.batch_id)
    digest, sent = publish_rows(connection, batch, now)
    batches.make_ready(connection, batch.batch_id, digest, sent, now)
    return sent


def publish_rows(connection: Connection, batch: Batch, now: datetime) -> tuple[str, int]:
    """Write the messages of the rows of this revision; the digest of all rows, and the number of messages."""
    digest, sent = Digest(batch.period), 0
    digest.corrections(
        [c.source_account_id, c.field, c.from_value, c.to_value]
        for c in batches.corrections(connection, batch.batch_id)
    )
    for page in rows.pages(connection, batch.batch_id):
        digest.rows(row[:-1] for row in page)
        fresh = [row.row_id for row in page if row.fresh]
        rows.publish(
            connection, fresh, handlers.event_ids(fresh, f"row-read-{batch.revision}"), now
        )
        sent += len(fresh)
    return digest.text(), sent
