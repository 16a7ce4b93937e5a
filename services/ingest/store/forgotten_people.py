"""Clear copies of forgotten people, in tables `batch_row`, `person_term` and `person`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def list_person_keys(connection: Connection) -> Sequence[str]:
    """List the keys of all people who are in any row."""
    found: Sequence[str] = (
        run(connection, "SELECT person_key FROM person_term WHERE term = person_key")
        .scalars()
        .all()
    )
    return found


def list_clear_rows(connection: Connection, person_key: str, word: str) -> Sequence[Any]:
    """List a person's rows with clear names: row_id, batch_id, and `sealed`, the encrypted values.

    Args:
        word: what stands in place of the names in rows that were overwritten.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT r.row_id, r.batch_id,
            ARRAY[s.first_name, s.last_name, s.dob, s.phone, s.loan] AS sealed
        FROM batch_row r
        JOIN row_seal s USING (row_id)
        WHERE r.person_key = :key AND r.person_key <> ''
            AND (r.first_name, r.last_name) <> (:word, :word)
        ORDER BY r.batch_id, r.file_row""",
        key=person_key,
        word=word,
    ).all()
    return found


def overwrite(connection: Connection, person_key: str, row_ids: Sequence[UUID], word: str) -> None:
    """Overwrite the clear copies of some rows of a person. A second call changes nothing.

    The names become a word; the digests of birth date and phone are removed, and the words by
    which the person is found. Later rosters are not compared with these rows any more. What the
    books rest on stays: ids, amounts, and the digests by which a loan is not paid twice.
    """
    values = {"key": person_key, "ids": [str(one) for one in row_ids], "word": word}
    for statement in (
        """
        UPDATE batch_row
        SET first_name = :word, last_name = :word, dob_index = '', phone_index = ''
        WHERE row_id = ANY(CAST(:ids AS uuid[])) AND person_key = :key""",
        """
        DELETE FROM person
        WHERE person_key = :key AND row_id = ANY(CAST(:ids AS uuid[]))""",
        """
        DELETE FROM person_term
        WHERE person_key = :key AND term <> :key AND term NOT IN (
            SELECT search_words(r.first_name || ' ' || r.last_name)
            FROM batch_row r
            WHERE r.person_key = :key AND r.first_name <> :word)""",
    ):
        run(connection, statement, **values)


def list_overwritten(connection: Connection, word: str) -> list[str]:
    """List encrypted values, at most 100, of people of whom nothing but the id is in clear.

    They are found by what is left of them in `person_term`, which is small.
    """
    found = run(
        connection,
        """
        SELECT coalesce(nullif(s.first_name, ''), s.loan)
        FROM (
            SELECT person_key
            FROM person_term
            GROUP BY person_key
            HAVING count(*) = 1) p
        JOIN batch_row r ON r.person_key = p.person_key AND r.person_key <> ''
        JOIN row_seal s USING (row_id)
        WHERE r.first_name = :word AND r.last_name = :word
        LIMIT 100""",
        word=word,
    )
    return list(found.scalars())


def list_sealed(connection: Connection, person_key: str) -> Sequence[str]:
    """List one encrypted value of each row of a person."""
    found: Sequence[str] = (
        run(
            connection,
            """
            SELECT v.sealed
            FROM batch_row r
            JOIN row_seal s USING (row_id)
            CROSS JOIN LATERAL (
                SELECT sealed
                FROM unnest(ARRAY[s.first_name, s.last_name, s.dob, s.phone, s.loan]) AS sealed
                WHERE sealed <> ''
                LIMIT 1) v
            WHERE r.person_key = :key AND r.person_key <> ''""",
            key=person_key,
        )
        .scalars()
        .all()
    )
    return found


def list_open_batches(
    connection: Connection, person_key: str, ended: Sequence[str]
) -> Sequence[Any]:
    """List the batches with rows of a person that are in none of these statuses: id, status."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT b.batch_id, b.status
        FROM batch b
        WHERE b.status <> ALL(CAST(:ended AS text[])) AND EXISTS (
            SELECT
            FROM batch_row r
            WHERE r.batch_id = b.batch_id AND r.person_key = :key AND r.person_key <> '')
        ORDER BY b.uploaded_at""",
        key=person_key,
        ended=list(ended),
    ).all()
    return found


def sum_kept(connection: Connection, person_key: str) -> Any:
    """What stays of a person: `rows`, `batches`, `cents` of payments, `first` and `last` period."""
    return run(
        connection,
        """
        SELECT count(*) AS rows, count(DISTINCT r.batch_id) AS batches,
            CAST(coalesce(sum(r.amount_cents) FILTER (WHERE r.status = 'payable'), 0) AS bigint)
                AS cents,
            min(b.period) AS first, max(b.period) AS last
        FROM batch_row r
        JOIN batch b USING (batch_id)
        WHERE r.person_key = :key AND r.person_key <> ''""",
        key=person_key,
    ).one()
