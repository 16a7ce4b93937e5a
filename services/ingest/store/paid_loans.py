"""The loans that rows and payments stand for: their own, and those whose place it took.

A redirection holds for its file row (`root_row_id`), in every batch of the family: a child batch
that pays the new loan later stands for the old one as well. What a payment stands for is claimed
with it, released with it, and compared with what other people are paid for.
"""

from typing import Final

from services.ingest.store.claimed_days import DAYS_OF_BATCH

#: Holds for a row `n` that took the place of another one, while its redirection stands.
TAKES_PLACE: Final = """
    n.redirect_of > 0 AND EXISTS (
        SELECT
        FROM amendment_row s
        WHERE s.batch_id = n.batch_id AND s.act = 'redirect' AND s.about = 'to'
            AND s.file_row = n.file_row AND s.standing
            AND s.known IN ('', CAST(n.row_id AS text)))"""
#: The loans that were redirected, by family and file row, with the row that had each.
REDIRECTED: Final = f"""
    SELECT b.family_id, n.root_row_id, f.batch_id, f.file_row,
        f.employee_id, f.loan_index, f.person_key, f.loan_key
    FROM batch b
    JOIN batch_row n ON n.batch_id = b.batch_id AND {TAKES_PLACE}
    JOIN batch_row f ON f.batch_id = n.batch_id AND f.file_row = n.redirect_of"""  # noqa: S608 - our own text
#: The loans that the payable rows of a batch stand for.
OF_BATCH: Final = f"""
    SELECT r.row_id, r.employee_id, r.loan_index, r.person_key, r.loan_key
    FROM batch_row r
    WHERE r.batch_id = :id AND r.status = 'payable'
    UNION ALL
    SELECT r.row_id, e.employee_id, e.loan_index, e.person_key, e.loan_key
    FROM ({REDIRECTED}) e
    JOIN batch_row r ON r.root_row_id = e.root_row_id AND r.loan_key <> e.loan_key
    WHERE e.family_id = CAST(:family AS uuid) AND r.batch_id = :id AND r.status = 'payable'"""  # noqa: S608 - our own text
#: The loans that payments (`:ids`) stand for, and the days.
OF_PAYMENTS: Final = f"""
    SELECT p.period, b.family_id, {DAYS_OF_BATCH} AS days,
        p.employee_id, p.loan_index, p.person_key, p.loan_key
    FROM payment p
    JOIN batch b USING (batch_id)
    WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))
    UNION
    SELECT p.period, b.family_id, {DAYS_OF_BATCH} AS days,
        e.employee_id, e.loan_index, e.person_key, e.loan_key
    FROM payment p
    JOIN batch b USING (batch_id)
    JOIN payment_row l USING (payment_id)
    JOIN ({REDIRECTED}) e ON e.family_id = b.family_id AND e.root_row_id = l.root_row_id
        AND e.loan_key <> p.loan_key
    WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))"""  # noqa: S608 - our own text

#: What took the place of loans in payments whose rows are not released.
STANDING_REDIRECTED: Final = f"""
    SELECT p.payment_id, p.period, b.batch_id, b.family_id, {DAYS_OF_BATCH} AS days, l.row_id,
        f.employee_id, f.loan_index, f.person_key, f.loan_key
    FROM batch_row n
    JOIN batch_row f ON f.batch_id = n.batch_id AND f.file_row = n.redirect_of
    JOIN payment_row l ON l.root_row_id = n.root_row_id AND NOT l.released
    JOIN payment p ON p.payment_id = l.payment_id AND p.loan_key <> f.loan_key
    JOIN batch b ON b.batch_id = p.batch_id
    WHERE {TAKES_PLACE} AND f.loan_key <> ''"""  # noqa: S608 - our own text


def standing_redirected(loan: str) -> str:
    """A SELECT of what took the place of one loan in payments whose rows are not released.

    Args:
        loan: the loan_key, as SQL. It is compared inside of the SELECT, whose steps are all found
            by indexes; so no plan reads every payment. The letters b, f, l, n, p and s have
            another meaning there.
    """
    return f"{STANDING_REDIRECTED} AND f.loan_key = {loan}"


def standing(loan: str) -> str:
    """A SELECT of what stands for a loan in payments whose rows are not released, as above."""
    return f"""
    SELECT p.payment_id, p.period, b.batch_id, b.family_id, {DAYS_OF_BATCH} AS days, l.row_id,
        p.employee_id, p.loan_index, p.person_key, p.loan_key
    FROM payment p
    JOIN batch b USING (batch_id)
    JOIN payment_row l ON l.payment_id = p.payment_id AND NOT l.released
    WHERE p.loan_key = {loan}
    UNION ALL
    {standing_redirected(loan)}"""  # noqa: S608 - our own text
