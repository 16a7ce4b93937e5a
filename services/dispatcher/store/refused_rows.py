"""Tables `batch_row` and `object`: how many rows of a batch the provider refuses."""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.dispatcher.store.object_retries import REFUSED, count_under_way


def count_refused_rows(connection: Connection, batch_id: UUID) -> dict[str, int]:
    """Count a batch's payable rows that the provider refused, and its tries that are under way.

    A row is refused if its person or its loan is. People ask for it all the time, and mostly
    nothing is refused: so the refused objects are read first, and rows only if there are any.
    """
    rows: int = run(
        connection,
        f"""
        WITH refused AS MATERIALIZED (
            SELECT o.object_id, o.kind, o.holder_id, o.number_index
            FROM object o
            WHERE {REFUSED.format("o")}
        ),
        person AS MATERIALIZED (
            SELECT h.employee_id, h.person_index,
                   CASE WHEN f.kind = 'liability' THEN f.number_index ELSE '' END AS loan_index
            FROM refused f
            CROSS JOIN LATERAL (
                SELECT p.employee_id, p.person_index
                FROM object p
                WHERE p.object_id = CASE
                    WHEN f.kind = 'liability' THEN f.holder_id
                    ELSE f.object_id
                END
                OFFSET 0
            ) h
            WHERE f.kind IN ('individual', 'liability')
        )
        SELECT count(*)
        FROM batch_row r
        WHERE r.batch_id = :batch_id
            AND r.status = 'payable'
            AND EXISTS (SELECT FROM person)
            AND EXISTS (
                SELECT FROM person f
                WHERE f.employee_id = r.employee_id
                    AND f.person_index = r.person_index
                    AND f.loan_index IN ('', r.loan_index)
            )""",  # noqa: S608 - a condition of our own
        batch_id=batch_id,
    ).scalar_one()
    return {"rows": rows, "under_way": count_under_way(connection, batch_id)}
