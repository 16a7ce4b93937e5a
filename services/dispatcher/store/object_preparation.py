"""Table `object` before sending: which provider objects a batch needs.

Ids follow from natural keys. Of two unique keys only one can decide a conflict, so the inserts
run in one replica at a time.
"""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.dispatcher.store import object_retries

INSERT_LOCK = 7_030_103


def ensure_sources(connection: Connection, batch_id: UUID) -> None:
    """Insert one corporation per EIN and one ACH account per source account of a batch.

    Known ones are used again. A corporation that was refused is created anew once its address was
    corrected; whatever was refused for another batch is tried once for this one. A second call
    changes nothing.
    """
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=INSERT_LOCK)
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, batch_id, source_account_id, made_of)
        SELECT DISTINCT ON (ein)
               'corporation', 'corporation:' || ein, batch_id, source_account_id,
               jsonb_build_array(address, payor_name, dba)
        FROM source
        WHERE batch_id = :batch_id
        ORDER BY ein, source_account_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    object_retries.retry_corrected(connection, batch_id)
    run(
        connection,
        """
        INSERT INTO object (
            kind, natural_key, holder_id, number_index, batch_id, source_account_id
        )
        SELECT DISTINCT ON (c.object_id, s.account_index)
               'ach', 'ach:' || c.object_id || ':' || s.account_index,
               c.object_id, s.account_index, s.batch_id, s.source_account_id
        FROM source s
        JOIN object c ON c.natural_key = 'corporation:' || s.ein
        WHERE s.batch_id = :batch_id
        ORDER BY c.object_id, s.account_index, s.source_account_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    object_retries.retry_once(
        connection, batch_id, object_retries.find_sources(connection, batch_id)
    )


def ensure_people_and_loans(connection: Connection, batch_id: UUID, limit: int) -> bool:
    """Insert one individual per person and one liability per loan of up to `limit` rows.

    Known ones are used again, and those refused for another batch tried once for this one. Returns
    whether there were rows; a second call takes the next ones.
    """
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=INSERT_LOCK)
    count = _take_unprepared_rows(connection, batch_id, limit)
    run(
        connection,
        """
        INSERT INTO object (kind, natural_key, employee_id, person_index, batch_id, row_id)
        SELECT DISTINCT ON (employee_id, person_index)
               'individual', 'individual:' || employee_id || ':' || person_index,
               employee_id, person_index, :batch_id, row_id
        FROM chunk
        WHERE merchant_id <> ''
        ORDER BY employee_id, person_index, row_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    run(
        connection,
        """
        INSERT INTO object (
            kind, natural_key, holder_id, merchant_id, number_index, batch_id, row_id, due_at
        )
        SELECT DISTINCT ON (h.object_id, c.merchant_id, c.loan_index)
               'liability',
               'liability:' || h.object_id || ':' || c.merchant_id || ':' || c.loan_index,
               h.object_id, c.merchant_id, c.loan_index, :batch_id, c.row_id,
               CASE WHEN h.status = 'pending' THEN now() ELSE 'infinity' END
        FROM chunk c
        CROSS JOIN LATERAL (
            SELECT object_id, status
            FROM object o
            WHERE o.natural_key = 'individual:' || c.employee_id || ':' || c.person_index
            OFFSET 0
        ) h
        WHERE c.merchant_id <> ''
        ORDER BY h.object_id, c.merchant_id, c.loan_index, c.row_id
        ON CONFLICT (natural_key) DO NOTHING""",
        batch_id=batch_id,
    )
    object_retries.retry_once(connection, batch_id, _list_refused_of_chunk(connection))
    run(
        connection,
        """
        UPDATE batch_row
        SET prepared = true
        WHERE row_id = ANY(ARRAY(SELECT row_id FROM chunk))""",
    )
    return bool(count)


def _list_refused_of_chunk(connection: Connection) -> list[UUID]:
    """Return the refused people and loans that the rows in `chunk` need."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT o.object_id
            FROM chunk c
            JOIN object h
                ON h.natural_key = 'individual:' || c.employee_id || ':' || c.person_index
            JOIN object o
                ON o.object_id = h.object_id
                OR (o.holder_id = h.object_id AND o.number_index = c.loan_index)
            WHERE o.status IN ('failed', 'held')""",
        ).scalars()
    )


def _take_unprepared_rows(connection: Connection, batch_id: UUID, limit: int) -> int:
    """Fill the temporary table `chunk` with payable rows that have no objects yet."""
    run(
        connection,
        """
        CREATE TEMP TABLE IF NOT EXISTS chunk (
            row_id uuid,
            employee_id text, person_index text,
            institution_id text, merchant_id text, loan_index text
        ) ON COMMIT DELETE ROWS""",
    )
    run(connection, "DELETE FROM chunk")
    count: int = run(
        connection,
        """
        INSERT INTO chunk
        SELECT r.row_id, r.employee_id, r.person_index,
               r.institution_id, coalesce(c.merchant_id, m.merchant_id), r.loan_index
        FROM batch_row r
        JOIN merchant m USING (institution_id)
        LEFT JOIN mended_merchant c
            ON c.batch_id = r.batch_id AND c.institution_id = r.institution_id
            AND c.merchant_id = r.merchant_id
        WHERE r.batch_id = :batch_id AND NOT r.prepared AND r.status = 'payable'
        ORDER BY r.employee_id
        LIMIT :limit""",
        batch_id=batch_id,
        limit=limit,
    ).rowcount
    return count
