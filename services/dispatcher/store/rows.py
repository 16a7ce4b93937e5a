"""Tables `batch_row` and `row_count`: the rows of each batch, with sealed personal values."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run

COLUMNS = {
    "row_id": "uuid[]",
    "batch_id": "uuid[]",
    "revision": "int[]",
    "status": "text[]",
    "employee_id": "text[]",
    "person_index": "text[]",
    "institution_id": "text[]",
    "merchant_id": "text[]",
    "loan_index": "text[]",
    "first_name": "text[]",
    "last_name": "text[]",
    "dob": "text[]",
    "phone": "text[]",
    "loan": "text[]",
}


def upsert_rows(connection: Connection, rows: Collection[RowRead]) -> None:
    """Store rows, each id once; an older or repeated revision changes nothing.

    A row that is paid through another merchant now is prepared again: it needs another loan there.
    """
    arrays = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in COLUMNS.items())
    run(
        connection,
        f"""
        INSERT INTO batch_row ({", ".join(COLUMNS)})
        SELECT *
        FROM unnest({arrays})
        ON CONFLICT (row_id) DO UPDATE
        SET revision = excluded.revision, status = excluded.status,
            merchant_id = excluded.merchant_id,
            prepared = batch_row.prepared AND batch_row.merchant_id = excluded.merchant_id
        WHERE batch_row.revision < excluded.revision""",  # noqa: S608 - names from the table above
        **{
            name: [
                str(value) if name.endswith("_id") else value
                for value in (getattr(row, name) for row in rows)
            ]
            for name in COLUMNS
        },
    )


def count_messages(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add the number of messages that came for each batch. A second call counts them twice."""
    run(
        connection,
        """
        INSERT INTO row_count (batch_id, messages)
        SELECT *
        FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[]))
        ON CONFLICT (batch_id) DO UPDATE
        SET messages = row_count.messages + excluded.messages""",
        ids=list(counts),
        counts=list(counts.values()),
    )
