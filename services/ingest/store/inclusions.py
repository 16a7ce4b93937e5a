"""Table `inclusion`: one family takes in a loan that another family has claimed in a pay period.

Two approvals that include the same loan are decided here, by the table's key and its row locks.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch


class AlreadyIncluded(Exception):
    """Another family has taken in one of the rows. Nothing may be approved.

    `batch_ids` are the batches that did.
    """

    def __init__(self, batch_ids: Collection[UUID]) -> None:
        self.batch_ids = sorted(str(batch_id) for batch_id in batch_ids)
        super().__init__(f"included in {', '.join(self.batch_ids)}")


#: The loans that the approver of a batch included by name.
WANTED = """
    SELECT DISTINCT r.employee_id, r.loan_index
    FROM batch_row r
    JOIN include i USING (row_id)
    WHERE r.batch_id = :id AND r.status = 'payable'"""


def take_inclusions(connection: Connection, batch: Batch) -> None:
    """Take in the included loans of a batch for its family. Those of the family stay.

    They are locked in one order, so that two approvals wait for each other without deadlock.

    Raises:
        AlreadyIncluded: another family has one of them; roll back.
    """
    values = {"id": batch.batch_id, "period": batch.period, "family": batch.family_id}
    counted = run(
        connection,
        f"""
        WITH wanted AS ({WANTED}),
        taken AS (
            INSERT INTO inclusion AS n (period, employee_id, loan_index, family_id, batch_id)
            SELECT :period, employee_id, loan_index, :family, :id
            FROM wanted
            ORDER BY employee_id, loan_index
            ON CONFLICT (period, employee_id, loan_index)
            DO UPDATE SET family_id = n.family_id
            WHERE n.family_id = excluded.family_id
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM wanted) AS wanted,
            (SELECT count(*) FROM taken) AS taken""",  # noqa: S608 - our own text
        **values,
    ).one()
    if counted.wanted != counted.taken:
        others = run(
            connection,
            f"""
            SELECT DISTINCT n.batch_id
            FROM ({WANTED}) w
            JOIN inclusion n USING (employee_id, loan_index)
            WHERE n.period = :period AND n.family_id <> :family""",  # noqa: S608 - our own text
            **values,
        )
        raise AlreadyIncluded(others.scalars().all())


def release_inclusions(connection: Connection, payment_ids: Collection[UUID]) -> None:
    """Delete the inclusions of these payments, unless another payment of the family stands.

    They are locked first and checked afterwards, as claims are (`store.claims.release_claims`).
    """
    run(
        connection,
        """
        SELECT 1
        FROM inclusion n
        WHERE (period, employee_id, loan_index) IN (
            SELECT period, employee_id, loan_index
            FROM payment
            WHERE payment_id = ANY(CAST(:ids AS uuid[])))
        ORDER BY employee_id, loan_index
        FOR UPDATE""",
        ids=list(payment_ids),
    )
    run(
        connection,
        """
        DELETE FROM inclusion n
        USING payment p
        JOIN batch b ON b.batch_id = p.batch_id
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))
            AND (n.period, n.employee_id, n.loan_index, n.family_id)
                = (p.period, p.employee_id, p.loan_index, b.family_id)
            AND NOT EXISTS (
                SELECT
                FROM payment q
                JOIN batch o ON o.batch_id = q.batch_id
                JOIN payment_row r ON r.payment_id = q.payment_id
                WHERE q.employee_id = n.employee_id AND q.loan_index = n.loan_index
                    AND q.period = n.period AND o.family_id = n.family_id AND NOT r.released)""",
        ids=list(payment_ids),
    )
