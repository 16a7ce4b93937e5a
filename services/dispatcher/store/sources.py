"""Table `source`: the source accounts of each batch."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.preparation import StoppedSource
from libs.common.contracts.statuses import CERTIFIED_BATCHES
from libs.common.database.engine import run
from services.dispatcher.store.refused_sources import OF_BATCHES

COPIED = {"source_account_id", "ein", "payor_name", "dba", "account", "account_index"}


def upsert_sources(connection: Connection, event: BatchChanged) -> None:
    """Store a batch's source accounts; a later version may only correct the address or the EIN.

    That is before the approval, so no payment is bound to an account of the old EIN.
    """
    sources = [
        {
            **source.model_dump(include=COPIED),
            "address": source.address.model_dump(),
            "routing": source.aba_routing,
            "last4": source.account_last4,
        }
        for source in event.sources
        if source.source_account_id and source.account
    ]
    run(
        connection,
        """
        INSERT INTO source (
            batch_id, source_account_id,
            ein, payor_name, dba, address,
            routing, last4, account, account_index
        )
        SELECT :batch_id, x.*
        FROM jsonb_to_recordset(CAST(:sources AS jsonb)) AS x(
            source_account_id text,
            ein text, payor_name text, dba text, address jsonb,
            routing text, last4 text, account text, account_index text
        )
        ON CONFLICT (batch_id, source_account_id) DO UPDATE
        SET address = excluded.address, ein = excluded.ein""",
        batch_id=event.batch_id,
        sources=json.dumps(sources),
    )


def list_batches_under_way(connection: Connection, account_indexes: Sequence[str]) -> list[UUID]:
    """Return the batches under way that pay from one of these accounts."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT b.batch_id
            FROM batch b
            JOIN source s USING (batch_id)
            WHERE b.state IN ('paying', 'paused')
                AND s.account_index = ANY(CAST(:indexes AS text[]))
            ORDER BY b.batch_id""",
            indexes=list(account_indexes),
        ).scalars()
    )


def lock_batches_of_same_accounts(connection: Connection, batch_id: UUID) -> None:
    """Lock a batch, and those under way that pay from one of its accounts, in the gate's order.

    Who publishes all of them locks them so before anything else. In the order in which they come
    up, two people who resume two batches, or a person and a gate, wait for each other.
    """
    run(
        connection,
        """
        SELECT
        FROM batch b
        WHERE b.batch_id = :id
            OR b.state IN ('paying', 'paused')
                AND EXISTS (
                    SELECT
                    FROM source s
                    JOIN source o USING (account_index)
                    WHERE s.batch_id = b.batch_id AND o.batch_id = :id
                )
        ORDER BY b.batch_id
        FOR UPDATE OF b""",
        id=batch_id,
    )


def list_stopped(connection: Connection, batch_id: UUID) -> list[StoppedSource]:
    """Return the sources of a batch that wait for a person; none once the batch has ended."""
    return [source for source, _ in list_stopped_since(connection, batch_id)]


def list_stopped_since(
    connection: Connection, batch_id: UUID
) -> list[tuple[StoppedSource, datetime]]:
    """Return the sources of a batch that wait for a person, and since when.

    A source that is stopped, and refused by the provider as well, shows why it was stopped.
    """
    rows = run(
        connection,
        """
        SELECT s.source_account_id,
               coalesce(t.reason_code, r.reason_code) AS reason_code,
               coalesce(t.reason, r.reason) AS reason,
               coalesce(t.stopped_at, r.found_at) AS since
        FROM source s
        LEFT JOIN source_stop t USING (account_index)
        LEFT JOIN refused_source r
            ON r.batch_id = s.batch_id AND r.source_account_id = s.source_account_id
        JOIN batch b ON b.batch_id = s.batch_id
        WHERE s.batch_id = :batch_id
            AND b.status <> ALL(CAST(:ended AS text[]))
            AND (t.account_index IS NOT NULL OR r.account_index IS NOT NULL)
        ORDER BY s.source_account_id""",
        batch_id=batch_id,
        ended=sorted(CERTIFIED_BATCHES),
    )
    return [
        (
            StoppedSource(
                source_account_id=row.source_account_id,
                reason_code=row.reason_code,
                reason=row.reason,
            ),
            row.since,
        )
        for row in rows
    ]


def count_unconfirmed(connection: Connection, batch_id: UUID) -> int:
    """Count the sources of a batch that the provider has neither confirmed nor refused yet."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM source s
        JOIN object c ON c.natural_key = 'corporation:' || s.ein
        JOIN object a ON a.holder_id = c.object_id AND a.number_index = s.account_index
        WHERE s.batch_id = :batch_id
            AND NOT (
                a.status IN ('pending', 'failed', 'held', 'inactive')
                OR c.status IN ('failed', 'held', 'inactive')
            )""",
        batch_id=batch_id,
    ).scalar_one()
    return count


def list_refused(connection: Connection, batch_id: UUID) -> list[Row[Any]]:
    """Return the sources of a batch whose account or corporation the provider refused, and why.

    One that is tried again stays refused until it exists.
    """
    return list(
        run(
            connection,
            f"""
            SELECT x.source_account_id, x.code, x.reason
            FROM ({OF_BATCHES}) x
            WHERE x.batch_id = :batch_id
            ORDER BY x.source_account_id""",  # noqa: S608 - a query of our own
            batch_id=batch_id,
        )
    )


def find_account_indexes(
    connection: Connection, batch_ids: Sequence[UUID]
) -> dict[tuple[UUID, str], str]:
    """Return the blind index of each source account, by (batch, source account id)."""
    rows = run(
        connection,
        """
        SELECT batch_id, source_account_id, account_index
        FROM source
        WHERE batch_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(batch_id) for batch_id in batch_ids],
    )
    return {(row.batch_id, row.source_account_id): row.account_index for row in rows}
