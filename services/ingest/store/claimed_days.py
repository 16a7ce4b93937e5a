"""Table `claimed_days`: one family of batches pays a loan of a person on these days.

Person and loan are canonical keys, and days are dates, not the name of a period. So it does not
matter how an id is spelled, nor which calendar or anchor named the period: the database refuses two
lines of one person and loan whose days overlap (constraint `days_are_claimed_once`).
"""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch

#: The days of a batch `b`, as a range.
DAYS_OF_BATCH: Final = "daterange(b.period, coalesce(b.period_end, b.period + 13), '[]')"
#: The days that a statement is given as `first` and `last`.
GIVEN_DAYS: Final = "daterange(CAST(:first AS date), CAST(:last AS date), '[]')"
#: Whether any approved batch has one of the given days: without one, no line has. It is asked once
#: in a statement, not once for each row.
ARE_DAYS_TAKEN: Final = f"""EXISTS (
        SELECT
        FROM approval
        JOIN batch b USING (batch_id)
        WHERE {DAYS_OF_BATCH} && {GIVEN_DAYS})"""  # noqa: S608 - our own text


def on_given_days(line: str) -> str:
    """Condition on a line of `claimed_days` or `inclusion`: it has one of the given days.

    To be used where the person and the loan of the line are known. It means `days && …`. But that
    could be answered by the index of the exclusion constraint, by the days alone, which all lines
    of a batch share; with statistics from before the period, PostgreSQL chose that for each row.
    So the primary key is used, with bounds: no line is longer than the longest period of a batch.
    """
    return f"""
        {line}.days <= daterange(CAST(:last AS date), NULL)
        AND {line}.days > daterange(
            CAST(:first AS date) - (SELECT max(coalesce(period_end - period, 13)) + 1 FROM batch),
            NULL)
        AND NOT isempty({line}.days * {GIVEN_DAYS})"""  # noqa: S608 - our own text


def on_all_given_days(line: str) -> str:
    """Condition as `on_given_days`: the line has all of the given days."""
    return f"{on_given_days(line)} AND {line}.days * {GIVEN_DAYS} = {GIVEN_DAYS}"


def days_of(batch: Batch) -> dict[str, object]:
    """A batch, its family and its days, as statements with GIVEN_DAYS take them."""
    return {
        "id": batch.batch_id,
        "family": batch.family_id,
        "first": batch.period,
        "last": batch.last_day,
    }


def take_days(connection: Connection, batch: Batch, paid: str, wanted: str) -> bool:
    """Claim the batch's days for its family, for each paid person and loan; again: no change.

    Args:
        paid: a SELECT of person_key and loan_key for `:id` and `:family`, the batch and its family.
        wanted: those of them that the family must have.

    Returns:
        False when another family has wanted days, or a wanted row has no keys yet; roll back.
    """
    values = days_of(batch)
    run(
        connection,
        f"""
        INSERT INTO claimed_days (person_key, loan_key, days, family_id, batch_id)
        SELECT DISTINCT person_key, loan_key, {GIVEN_DAYS}, CAST(:family AS uuid),
            CAST(:id AS uuid)
        FROM ({paid}) p
        WHERE person_key <> '' AND loan_key <> ''
        ORDER BY loan_key, person_key
        ON CONFLICT DO NOTHING""",  # noqa: S608 - our own text
        **values,
    )
    # Claims that the family had before are locked in one order: a release waits, or was first.
    held = run(
        connection,
        f"""
        SELECT d.loan_key
        FROM claimed_days d
        JOIN (SELECT DISTINCT person_key, loan_key FROM ({wanted}) w) n USING (loan_key, person_key)
        WHERE d.family_id = :family AND {on_all_given_days("d")}
        ORDER BY d.loan_key, d.person_key
        FOR UPDATE OF d""",  # noqa: S608 - our own text
        **values,
    ).rowcount
    asked = run(
        connection,
        f"SELECT count(DISTINCT (person_key, loan_key)) FROM ({wanted}) w",  # noqa: S608 - as above
        **values,
    ).scalar_one()
    return bool(held == asked)


def release_days(
    connection: Connection, payment_ids: Collection[UUID], of_payments: str, standing: str
) -> None:
    """Delete the claimed days of these payments, unless a payment stands for that loan still.

    Lines are locked first and checked afterwards, as in `claims.release_claims`.

    Args:
        of_payments: a SELECT of person_key, loan_key and days for `:ids`, which are the payments.
        standing: the same of the loan `d.loan_key`, of all payments whose rows are not released.
    """
    run(
        connection,
        f"""
        SELECT 1
        FROM claimed_days d
        WHERE EXISTS (
            SELECT
            FROM ({of_payments}) e
            WHERE e.loan_key = d.loan_key AND e.person_key = d.person_key AND e.days && d.days)
        ORDER BY d.loan_key, d.person_key
        FOR UPDATE OF d""",  # noqa: S608 - our own text
        ids=list(payment_ids),
    )
    run(
        connection,
        f"""
        DELETE FROM claimed_days d
        USING ({of_payments}) e
        WHERE e.loan_key = d.loan_key AND e.person_key = d.person_key AND e.days && d.days
            AND NOT EXISTS (
                SELECT
                FROM ({standing}) q
                WHERE q.person_key = d.person_key AND q.days && d.days)""",  # noqa: S608 - as above
        ids=list(payment_ids),
    )


def list_claimed_twice(connection: Connection) -> Sequence[Any]:
    """List the claims, taken before spellings were compared, of days that another line has.

    Each is a loan that was approved twice for one person on the same days, and not because an
    approver included it. It is listed until the batch of the claim is archived. Columns: batch_id,
    employee_id, period of the claim; other_batch_id, other_employee_id, other_period.
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT DISTINCT c.batch_id, c.employee_id, c.period, d.batch_id AS other_batch_id,
            o.employee_id AS other_employee_id, lower(d.days) AS other_period
        FROM claim c
        JOIN batch b USING (batch_id)
        JOIN payment p USING (batch_id, employee_id, loan_index)
        JOIN claimed_days d ON d.loan_key = p.loan_key AND d.person_key = p.person_key
            AND d.days && {DAYS_OF_BATCH} AND d.family_id <> c.family_id
        JOIN payment o ON o.batch_id = d.batch_id AND o.loan_key = d.loan_key
            AND o.person_key = d.person_key
        WHERE b.status <> 'archived' AND NOT EXISTS (
            SELECT
            FROM payment_row r
            JOIN include i USING (row_id)
            WHERE r.payment_id = p.payment_id)
        ORDER BY c.period, c.employee_id, c.batch_id""",  # noqa: S608 - our own text
    ).all()
    return found
