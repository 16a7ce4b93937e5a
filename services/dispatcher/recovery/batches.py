"""Recover batches: the state, preflight and statement number that were published of each."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection

from services.dispatcher.handlers import statement_run_id
from services.dispatcher.store import batches, published_events, source_stops, sources, statements
from services.dispatcher.store.batches import BatchState
from services.dispatcher.store.source_stops import SourceStop

UNPUBLISHED_MAX = 1_000  # statements in a row that may have been begun and never published


def recover_batches(connection: Connection, first: int) -> None:
    """Bring batches to what was published of them above the outbox id `first`.

    A second call changes nothing.
    """
    newest = published_events.list_newest_states(connection, first)
    indexes = sources.find_account_indexes(connection, [event.batch_id for event in newest])
    source_stops.insert_stops(
        connection,
        [
            SourceStop(indexes[key], stopped.reason_code, stopped.reason)
            for event in newest
            for stopped in event.stopped_sources
            if (key := (event.batch_id, stopped.source_account_id)) in indexes
        ],
    )
    batches.write_states(
        connection,
        [BatchState(e.batch_id, e.version, e.state, e.by, e.reason) for e in newest],
    )
    batches.record_preflights(connection, published_events.list_preflights(connection, first))
    statements.write_numbers(
        connection,
        [
            (row.batch_id, newest_statement(row.batch_id, row.statement_n, row.runs))
            for row in published_events.list_statement_runs(connection, first)
        ],
    )


def newest_statement(batch_id: UUID, known: int, runs: Collection[str]) -> int:
    """Return the highest number of a batch's published statements; run ids follow from numbers."""
    published = [
        n
        for n in range(known + 1, known + len(runs) + UNPUBLISHED_MAX)
        if str(statement_run_id(batch_id, n)) in runs
    ]
    return max(published, default=known)
