"""Table `claim`: one family of batches pays a loan of an employee in a pay period, as spelled.

Together with each claim its days are claimed (`claimed_days`), whatever the spelling. The table
remains beside that one for versions of this service that know only spellings and periods.

Two approvals that want the same claim are decided here, by the table's key and its row locks.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.store import claimed_days
from services.ingest.store.paid_loans import OF_BATCH, OF_PAYMENTS, standing, standing_redirected


class ClaimsMoved(Exception):
    """Rows of the batch were approved in another batch after this one became ready.

    Nothing may be approved; the batch must be checked again.
    """


#: The claim of another family on the loan of a row, as spelled, for a LATERAL join. LIMIT has it
#: found by the whole key for each row: a join may read all claims of the period for each row.
CLAIMED_AS_SPELLED: Final = """
    SELECT c.batch_id
    FROM claim c
    WHERE c.period = :period AND c.employee_id = {row}.employee_id
        AND c.loan_index = {row}.loan_index AND c.family_id <> :family
    LIMIT 1"""
#: What the payable rows of a batch stand for: on the same days, nobody else may pay it.
PAID = f"SELECT DISTINCT employee_id, loan_index, person_key, loan_key FROM ({OF_BATCH}) o"  # noqa: S608 - our own text
#: The loans that a batch must claim. Rows that the approver included by name need no claim.
WANTED = f"""{PAID}
    WHERE NOT EXISTS (SELECT FROM include i WHERE i.row_id = o.row_id)"""


def take_claims(connection: Connection, batch: Batch, *, needs_days: bool = True) -> None:
    """Claim the loans that payable rows stand for, for the batch's family. Those it has stay.

    An included row is claimed too, unless another family has the claim: when that one is released,
    the row would stand without any, and the next batch would pay it again.

    Claims are locked in one order, so that two approvals wait for each other without deadlock.

    Args:
        needs_days: False leaves days to another family that has them: what was approved before
            spellings were compared stands, and `claimed_days.list_claimed_twice` lists it.

    Raises:
        ClaimsMoved: another family has one of them; roll back.
    """
    counted = run(
        connection,
        f"""
        WITH wanted AS ({WANTED}),
        taken AS (
            INSERT INTO claim AS c (period, employee_id, loan_index, family_id, batch_id)
            SELECT :period, employee_id, loan_index, :family, :id
            FROM ({PAID}) paid
            ORDER BY employee_id, loan_index
            ON CONFLICT (period, employee_id, loan_index)
            DO UPDATE SET family_id = c.family_id
            WHERE c.family_id = excluded.family_id
            RETURNING employee_id, loan_index
        )
        SELECT count(*) AS wanted, count(t.loan_index) AS taken
        FROM wanted w
        LEFT JOIN taken t USING (employee_id, loan_index)""",  # noqa: S608 - our own text
        id=batch.batch_id,
        period=batch.period,
        family=batch.family_id,
    ).one()
    has_days = claimed_days.take_days(connection, batch, PAID, WANTED)
    if counted.wanted != counted.taken or (needs_days and not has_days):
        raise ClaimsMoved


def release_claims(connection: Connection, payment_ids: Collection[UUID]) -> None:
    """Delete the claims of what these payments stood for, unless a payment stands for it still.

    A payment stands while its rows are not released: it is live or was returned.

    Claims are locked first and checked afterwards. So an approval that adds a payment to a claim
    has either ended by then and is seen, or finds the claim gone.
    """
    run(
        connection,
        f"""
        SELECT 1
        FROM claim c
        WHERE (period, employee_id, loan_index) IN (
            SELECT period, employee_id, loan_index
            FROM ({OF_PAYMENTS}) e)
        ORDER BY employee_id, loan_index
        FOR UPDATE""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
    claimed_days.release_days(connection, payment_ids, OF_PAYMENTS, standing("d.loan_key"))
    run(
        connection,
        f"""
        DELETE FROM claim c
        USING ({OF_PAYMENTS}) e
        WHERE (c.period, c.employee_id, c.loan_index) = (e.period, e.employee_id, e.loan_index)
            AND NOT EXISTS (
                SELECT
                FROM payment q
                JOIN payment_row r USING (payment_id)
                WHERE q.employee_id = c.employee_id AND q.loan_index = c.loan_index
                    AND q.period = c.period AND NOT r.released)
            AND NOT EXISTS (
                SELECT
                FROM ({standing_redirected("e.loan_key")}) q
                WHERE q.employee_id = c.employee_id AND q.loan_index = c.loan_index
                    AND q.period = c.period)""",  # noqa: S608 - as above
        ids=list(payment_ids),
    )
