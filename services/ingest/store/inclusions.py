"""Table `inclusion`: one family takes in a loan of a person that another family has claimed.

As in `claimed_days`, person and loan are canonical keys and days are dates. Two approvals that
include the same loan are decided here: the database refuses two lines of one person and loan whose
days overlap (constraint `days_are_included_once`).
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.store.claimed_days import (
    DAYS_OF_BATCH,
    GIVEN_DAYS,
    days_of,
    on_all_given_days,
    on_given_days,
)
from services.ingest.store.claims import ClaimsMoved


class AlreadyIncluded(Exception):
    """Another family has taken in one of the rows. Nothing may be approved.

    `batch_ids` are the batches that did.
    """

    def __init__(self, batch_ids: Collection[UUID]) -> None:
        self.batch_ids = sorted(str(batch_id) for batch_id in batch_ids)
        super().__init__(f"included in {', '.join(self.batch_ids)}")


#: The loans that the approver of a batch included by name.
WANTED = """
    SELECT DISTINCT r.person_key, r.loan_key
    FROM batch_row r
    JOIN include i USING (row_id)
    WHERE r.batch_id = :id AND r.status = 'payable'"""
#: The same, of payments that stand: what was included before its rows had keys.
STANDING = f"""{WANTED}
        AND EXISTS (SELECT FROM payment_row l WHERE l.row_id = r.row_id AND NOT l.released)"""


def take_inclusions(connection: Connection, batch: Batch) -> None:
    """Take in the included loans of a batch for its family. Those of the family stay.

    They are locked in one order, so that two approvals wait for each other without deadlock.

    Raises:
        AlreadyIncluded: another family has one of them; roll back.
        ClaimsMoved: a row has no keys yet; roll back.
    """
    _insert(connection, batch, WANTED)
    values = days_of(batch)
    # Those that the family had before are locked: a release waits, or was first.
    held = run(
        connection,
        f"""
        SELECT n.loan_key
        FROM inclusion n
        JOIN ({WANTED}) w USING (loan_key, person_key)
        WHERE n.family_id = :family AND {on_all_given_days("n")}
        ORDER BY n.loan_key, n.person_key
        FOR UPDATE OF n""",  # noqa: S608 - our own text
        **values,
    ).rowcount
    asked = run(
        connection,
        f"SELECT count(*) FROM ({WANTED}) w",  # noqa: S608 - our own text
        id=batch.batch_id,
    ).scalar_one()
    if held == asked:
        return
    others = run(
        connection,
        f"""
        SELECT DISTINCT n.batch_id
        FROM ({WANTED}) w
        JOIN inclusion n USING (loan_key, person_key)
        WHERE n.family_id <> :family AND {on_given_days("n")}""",  # noqa: S608 - our own text
        **values,
    )
    if batch_ids := others.scalars().all():
        raise AlreadyIncluded(batch_ids)
    raise ClaimsMoved


def carry_inclusions(connection: Connection, batch: Batch) -> None:
    """Take in what was included before its rows had keys, unless another family has it."""
    _insert(connection, batch, STANDING)


def _insert(connection: Connection, batch: Batch, wanted: str) -> None:
    run(
        connection,
        f"""
        INSERT INTO inclusion (person_key, loan_key, days, family_id, batch_id)
        SELECT person_key, loan_key, {GIVEN_DAYS}, CAST(:family AS uuid), CAST(:id AS uuid)
        FROM ({wanted}) w
        WHERE person_key <> '' AND loan_key <> ''
        ORDER BY loan_key, person_key
        ON CONFLICT DO NOTHING""",  # noqa: S608 - our own text
        **days_of(batch),
    )


def release_inclusions(connection: Connection, payment_ids: Collection[UUID]) -> None:
    """Delete the inclusions of these payments, unless another payment of the family stands.

    They are locked first and checked afterwards, as claims are (`store.claims.release_claims`).
    """
    of_payments = f"""
        SELECT p.person_key, p.loan_key, b.family_id, {DAYS_OF_BATCH} AS days
        FROM payment p
        JOIN batch b USING (batch_id)
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))"""  # noqa: S608 - our own text
    run(
        connection,
        f"""
        SELECT 1
        FROM inclusion n
        WHERE EXISTS (
            SELECT
            FROM ({of_payments}) e
            WHERE (e.loan_key, e.person_key, e.family_id)
                    = (n.loan_key, n.person_key, n.family_id)
                AND e.days && n.days)
        ORDER BY n.loan_key, n.person_key
        FOR UPDATE OF n""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
    run(
        connection,
        f"""
        DELETE FROM inclusion n
        USING ({of_payments}) e
        WHERE (e.loan_key, e.person_key, e.family_id)
                = (n.loan_key, n.person_key, n.family_id)
            AND e.days && n.days
            AND NOT EXISTS (
                SELECT
                FROM payment q
                JOIN batch b USING (batch_id)
                JOIN payment_row r USING (payment_id)
                WHERE q.loan_key = n.loan_key AND q.person_key = n.person_key
                    AND b.family_id = n.family_id AND {DAYS_OF_BATCH} && n.days
                    AND NOT r.released)""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
