"""Table `loan`: every spelling of a loan number that was approved, with the row last approved.

Spellings with one `loan_key` are one loan at one institution. The number itself is encrypted with
the row. Who was paid under it stands in `payment`.
"""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def upsert_loans(connection: Connection, batch_id: UUID) -> None:
    """Keep the loans that an approved batch pays, each under the spelling of its first row.

    A second call changes nothing; a later batch moves `row_id` and `last_batch_id`.
    """
    run(
        connection,
        """
        INSERT INTO loan (
            loan_key, loan_index, institution_id, row_id, first_batch_id, last_batch_id)
        SELECT DISTINCT ON (loan_key, loan_index)
            loan_key, loan_index, institution_id, row_id, batch_id, batch_id
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable' AND loan_key <> ''
        ORDER BY loan_key, loan_index, file_row
        ON CONFLICT (loan_key, loan_index) DO UPDATE
        SET row_id = excluded.row_id, last_batch_id = excluded.last_batch_id""",
        id=batch_id,
    )
