"""Columns of `batch`: whether approval and payments are proved; and the payments as received."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.approved_payments import ApprovedPayment, PayingSource, digest_payments
from libs.common.database.engine import run

#: `proved_payments` of batches that were begun before payments were proved.
BEFORE = "before"


class StoredPayments(NamedTuple):
    """The payments of a batch: their digest, and whether one was stored since they are proved."""

    digest: str
    has_newer: bool


def read_payments(connection: Connection, batch_id: UUID, digest: str) -> StoredPayments:
    """Compute the digest of the payments of a batch that were approved under its digest."""
    payments = run(
        connection,
        """
        SELECT CAST(p.payment_id AS text), p.amount_cents, p.source_account_id, p.account_index,
               p.employee_id, p.person_index, p.institution_id,
               coalesce(p.approved_merchant_id, p.merchant_id), p.loan_index,
               string_agg(r.row_id || '/' || r.root_row_id, ',')
        FROM payment p
        JOIN payment_row r USING (payment_id)
        WHERE p.batch_id = :id AND p.digest = :digest
        GROUP BY p.payment_id""",
        id=batch_id,
        digest=digest,
    )
    found = digest_payments(
        batch_id, _list_sources(connection, batch_id), map(_approved_payment, payments)
    )
    return StoredPayments(found, _has_newer(connection, batch_id, digest))


def _approved_payment(row: Row[Any]) -> ApprovedPayment:
    columns: list[Any]
    *columns, rows = row
    pairs = (text.partition("/") for text in rows.split(","))
    return ApprovedPayment._make(
        (*columns, tuple((row_id, root_row_id) for row_id, _, root_row_id in pairs))
    )


def _has_newer(connection: Connection, batch_id: UUID, digest: str) -> bool:
    found = run(
        connection,
        """
        SELECT 1
        FROM payment
        WHERE batch_id = :id AND digest = :digest AND approved_merchant_id IS NOT NULL
        LIMIT 1""",
        id=batch_id,
        digest=digest,
    ).first()
    return found is not None


def _list_sources(connection: Connection, batch_id: UUID) -> list[PayingSource]:
    rows = run(
        connection,
        """
        SELECT source_account_id, ein, routing, account_index
        FROM source
        WHERE batch_id = :id""",
        id=batch_id,
    )
    return [PayingSource(*row) for row in rows]


def write_proved(connection: Connection, batch_id: UUID, digest: str, payments: str) -> None:
    """Note that the approval of this digest, and with it of these payments, is proved."""
    run(
        connection,
        """
        UPDATE batch
        SET proved_digest = :digest, proved_payments = :payments, approval_problem = ''
        WHERE batch_id = :id""",
        id=batch_id,
        digest=digest,
        payments=payments,
    )


def write_problem(connection: Connection, batch_id: UUID, problem: str) -> bool:
    """Note why an approval is not proved; whether that was not known before."""
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET approval_problem = :problem
            WHERE batch_id = :id AND approval_problem <> :problem""",
            id=batch_id,
            problem=problem,
        ).rowcount
    )


def count_unproved(connection: Connection) -> int:
    """Count the approved batches that wait because approval or payments are not proved."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM batch
        WHERE state = 'waiting' AND status IN ('approved', 'paying', 'paused')
            AND approval_problem <> ''""",
    ).scalar_one()
    return count
