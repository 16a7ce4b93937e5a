"""Tables `payment` and `payment_row`: approved payments, and the file rows that each one pays.

A file row is in at most one payment whose rows are not released (a unique index holds that).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import UnknownBatch
from services.ingest.store.claimed_days import on_given_days
from services.ingest.store.claims import WANTED, ClaimsMoved
from services.ingest.store.inclusions import WANTED as WANTED_INCLUSIONS
from services.ingest.store.paid_loans import standing

UNIQUE_VIOLATION: Final = "23505"


def insert_payments(connection: Connection, batch: Batch) -> None:
    """Insert the payments of a batch that was just approved, and the rows of each.

    Raises:
        ClaimsMoved: a file row is in a live payment of another batch; roll back.
    """
    run(
        connection,
        """
        INSERT INTO payment (
            payment_id, batch_id, period, source_account_id, employee_id, loan_index, person_key,
            loan_key, amount_cents)
        SELECT payment_id, batch_id, :period, source_account_id, employee_id, loan_index,
            person_key, loan_key, sum(amount_cents)
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'
        GROUP BY 1, 2, 4, 5, 6, 7, 8""",
        id=batch.batch_id,
        period=batch.period,
    )
    try:
        run(
            connection,
            """
            INSERT INTO payment_row (row_id, payment_id, root_row_id, amount_cents)
            SELECT row_id, payment_id, root_row_id, amount_cents
            FROM batch_row
            WHERE batch_id = :id AND status = 'payable'
            ORDER BY root_row_id""",
            id=batch.batch_id,
        )
    except IntegrityError as error:
        if getattr(error.orig, "pgcode", None) == UNIQUE_VIOLATION:
            raise ClaimsMoved from error
        raise


def end_payments(connection: Connection, statuses: Mapping[UUID, str]) -> list[UUID]:
    """Set the status of live payments that failed, were cancelled or were returned.

    A payment that has ended keeps its status.

    Returns:
        The payments that have failed or were cancelled by this call.

    Raises:
        UnknownBatch: a payment was never approved here.
    """
    if not statuses:
        return []
    ids = list(statuses)
    known = run(
        connection,
        "SELECT count(*) FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[]))",
        ids=ids,
    ).scalar()
    if known != len(ids):
        raise UnknownBatch("A payment was never approved here.")
    ended = run(
        connection,
        """
        UPDATE payment p
        SET status = n.status
        FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[])) AS n(payment_id, status)
        WHERE p.payment_id = n.payment_id AND p.status = 'live'
        RETURNING p.payment_id, p.status""",
        ids=ids,
        statuses=list(statuses.values()),
    ).all()
    return [one.payment_id for one in ended if one.status in {"failed", "cancelled"}]


def release_rows(connection: Connection, payment_ids: Collection[UUID]) -> bool:
    """Release the rows of payments that ended unpaid: they may be paid by another payment.

    False: all of them were released before; nothing was changed.
    """
    return bool(
        run(
            connection,
            """
            UPDATE payment_row
            SET released = true
            WHERE payment_id = ANY(CAST(:ids AS uuid[])) AND NOT released""",
            ids=list(payment_ids),
        ).rowcount
    )


def list_superseded(connection: Connection, batch: Batch) -> list[UUID]:
    """List the payments that must have ended unpaid, because this approved batch pays them again.

    They stand in the way of its rows (the same file row), or of its claims or inclusions (the same
    loan in the same period or on the same days, for another family). In normal work there are none:
    such rows are excluded.

    Days that only another spelling claimed prove nothing if the batch was uploaded before spellings
    were compared (`were_days_compared`): both payments may stand.
    """
    return list(
        run(
            connection,
            f"""
            SELECT l.payment_id
            FROM batch_row r
            JOIN payment_row l USING (root_row_id)
            WHERE r.batch_id = :id AND r.status = 'payable' AND NOT l.released
            UNION
            SELECT p.payment_id
            FROM ({WANTED}) w
            JOIN claim c USING (employee_id, loan_index)
            JOIN payment p USING (period, employee_id, loan_index)
            JOIN payment_row l ON l.payment_id = p.payment_id AND NOT l.released
            WHERE c.period = :period AND c.family_id <> :family
            UNION
            SELECT s.payment_id
            FROM ({WANTED}) w
            JOIN claimed_days d ON d.loan_key = w.loan_key AND d.person_key = w.person_key
            JOIN LATERAL ({standing("d.loan_key")}) s ON s.person_key = d.person_key
                AND s.days && d.days
            WHERE d.family_id <> :family AND :compared AND {on_given_days("d")}
            UNION
            SELECT s.payment_id
            FROM ({WANTED_INCLUSIONS}) w
            JOIN inclusion i USING (loan_key, person_key)
            JOIN LATERAL ({standing("i.loan_key")}) s ON s.person_key = i.person_key
                AND s.family_id = i.family_id AND s.days && i.days
            WHERE i.family_id <> :family AND {on_given_days("i")}
            ORDER BY 1""",  # noqa: S608 - our own text
            id=batch.batch_id,
            period=batch.period,
            family=batch.family_id,
            first=batch.period,
            last=batch.last_day,
            compared=were_days_compared(batch),
        ).scalars()
    )


def were_days_compared(batch: Batch) -> bool:
    """Whether the batch was surely approved with days claimed, whatever the spelling.

    A version of this service that did not claim days gave no batch the last day of its period.
    """
    return batch.period_end is not None


def list_paid_rows(connection: Connection, payment_id: UUID) -> Sequence[Any]:
    """List the rows that a payment pays; none if it was never approved here."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT r.*
        FROM batch_row r
        JOIN payment_row p USING (row_id)
        WHERE p.payment_id = :id
        ORDER BY r.file_row""",
        id=payment_id,
    ).all()
    return found
