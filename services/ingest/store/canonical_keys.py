"""Filling the canonical keys of rows that have none, and what follows from them.

Such rows were read by a version of this service that did not know the keys.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.store import inclusions, loans
from services.ingest.store.claimed_days import GIVEN_DAYS, on_given_days


def find_batch_without_keys(connection: Connection) -> UUID | None:
    """Find the batch with rows without keys that was approved first, or else uploaded first."""
    found = run(
        connection,
        """
        SELECT b.batch_id
        FROM batch b
        LEFT JOIN approval a USING (batch_id)
        WHERE b.batch_id IN (
            SELECT DISTINCT batch_id
            FROM batch_row
            WHERE person_key = '' AND employee_id <> '')
        ORDER BY a.approved_at NULLS LAST, b.uploaded_at, b.batch_id
        LIMIT 1""",
    ).scalar()
    return found if isinstance(found, UUID) else None


def list_rows_without_keys(connection: Connection, batch_id: UUID, limit: int) -> Sequence[Any]:
    """List some rows without keys, with what their keys are made of; `loan` is encrypted."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT r.row_id, r.employee_id, r.institution_id, s.loan
        FROM batch_row r
        LEFT JOIN row_seal s USING (row_id)
        WHERE r.batch_id = :id AND r.person_key = '' AND r.employee_id <> ''
        LIMIT :limit""",
        id=batch_id,
        limit=limit,
    ).all()
    return found


def set_row_keys(connection: Connection, keys: Sequence[tuple[UUID, str, str]]) -> None:
    """Set the person_key and loan_key of rows that have none; others keep theirs."""
    run(
        connection,
        """
        UPDATE batch_row r
        SET person_key = k.person_key, loan_key = k.loan_key
        FROM unnest(
            CAST(:rows AS uuid[]), CAST(:people AS text[]), CAST(:loans AS text[])
        ) AS k(row_id, person_key, loan_key)
        WHERE r.row_id = k.row_id AND r.person_key = ''""",
        rows=[str(one[0]) for one in keys],
        people=[one[1] for one in keys],
        loans=[one[2] for one in keys],
    )


def carry_keys(connection: Connection, batch: Batch) -> int:
    """Carry the keys of a batch's rows to its payments, people, loans, claims and inclusions.

    Days that another family has already stay with it: the loan was approved twice then, and
    `claimed_days.list_claimed_twice` lists it. A second call changes nothing.

    Returns:
        The number of claims whose days another family has.
    """
    run(
        connection,
        """
        UPDATE payment p
        SET person_key = r.person_key, loan_key = r.loan_key
        FROM payment_row l
        JOIN batch_row r USING (row_id)
        WHERE p.batch_id = :id AND l.payment_id = p.payment_id AND p.person_key = ''""",
        id=batch.batch_id,
    )
    run(
        connection,
        """
        UPDATE person p
        SET person_key = r.person_key,
            first_batch_id = coalesce(p.first_batch_id, r.batch_id),
            last_batch_id = coalesce(p.last_batch_id, r.batch_id)
        FROM batch_row r
        WHERE p.row_id = r.row_id AND r.batch_id = :id AND p.person_key = ''""",
        id=batch.batch_id,
    )
    if batch.approved_at is None:
        return 0
    loans.upsert_loans(connection, batch.batch_id)
    inclusions.carry_inclusions(connection, batch)
    return _claim_days(connection, batch)


def _claim_days(connection: Connection, batch: Batch) -> int:
    counted = run(
        connection,
        f"""
        WITH wanted AS (
            SELECT DISTINCT p.person_key, p.loan_key
            FROM claim c
            JOIN payment p USING (period, employee_id, loan_index)
            WHERE c.family_id = :family AND p.batch_id = :id AND p.person_key <> ''
                AND p.loan_key <> ''
        ), inserted AS (
            INSERT INTO claimed_days (person_key, loan_key, days, family_id, batch_id)
            SELECT person_key, loan_key, {GIVEN_DAYS}, CAST(:family AS uuid), CAST(:id AS uuid)
            FROM wanted
            ORDER BY loan_key, person_key
            ON CONFLICT DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM wanted) - (SELECT count(*) FROM inserted)
            - (SELECT count(*)
               FROM wanted
               JOIN claimed_days d USING (person_key, loan_key)
               WHERE d.family_id = :family AND {on_given_days("d")}) AS lost""",  # noqa: S608 - our own text
        id=batch.batch_id,
        family=batch.family_id,
        first=batch.period,
        last=batch.last_day,
    ).one()
    return int(counted.lost)
