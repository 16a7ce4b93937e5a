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
    GIVEN_DAYS,
    days_of,
    on_all_given_days,
    on_given_days,
)
from services.ingest.store.claims import ClaimsMoved
from services.ingest.store.paid_loans import OF_BATCH, OF_PAYMENTS, standing


class AlreadyIncluded(Exception):
    """Another family has taken in one of the rows. Nothing may be approved.

    `batch_ids` are the batches that did.
    """

    def __init__(self, batch_ids: Collection[UUID]) -> None:
        self.batch_ids = sorted(str(batch_id) for batch_id in batch_ids)
        super().__init__(f"included in {', '.join(self.batch_ids)}")


#: The loans that rows stand for which the approver of a batch included by name.
WANTED = f"SELECT DISTINCT person_key, loan_key FROM ({OF_BATCH}) o JOIN include i USING (row_id)"  # noqa: S608 - our own text
#: The same, of payments that stand: what was included before its rows had keys.
_CARRIED = f"""{WANTED}
    WHERE EXISTS (SELECT FROM payment_row l WHERE l.row_id = o.row_id AND NOT l.released)"""


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
        **values,
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
    _insert(connection, batch, _CARRIED)


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
    run(
        connection,
        f"""
        SELECT 1
        FROM inclusion i
        WHERE EXISTS (
            SELECT
            FROM ({OF_PAYMENTS}) e
            WHERE (e.loan_key, e.person_key, e.family_id)
                    = (i.loan_key, i.person_key, i.family_id)
                AND e.days && i.days)
        ORDER BY i.loan_key, i.person_key
        FOR UPDATE OF i""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
    run(
        connection,
        f"""
        DELETE FROM inclusion i
        USING ({OF_PAYMENTS}) e
        WHERE (e.loan_key, e.person_key, e.family_id)
                = (i.loan_key, i.person_key, i.family_id)
            AND e.days && i.days
            AND NOT EXISTS (
                SELECT
                FROM ({standing("i.loan_key")}) q
                WHERE q.person_key = i.person_key AND q.family_id = i.family_id
                    AND q.days && i.days)""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
