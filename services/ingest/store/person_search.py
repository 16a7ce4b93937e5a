"""Table `person_term`: the words by which people are found, and what a list shows of each person.

Words are the parts of every name a person had in any row, and the canonical id. A trigger on
`batch_row` keeps them, so that rows which were refused are found as well.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run

WORDS_MAX = 5


def find_people(connection: Connection, given: str, person_key: str, limit: int) -> Sequence[str]:
    """Find the keys of people with words that begin as each given word does, or with this id.

    Args:
        given: names or parts of them, compared without case, accents and apostrophes.
        person_key: the canonical form of the same text, as if it were an id.
        limit: at most so many, those with exactly this id first.
    """
    words = run(
        connection, "SELECT search_words(:given) LIMIT :most", given=given, most=WORDS_MAX
    ).scalars()
    patterns = {f"w{n}": like_prefix(word) for n, word in enumerate(words)}
    with_words = " INTERSECT ".join(
        f"SELECT person_key FROM person_term WHERE term LIKE :{name}"  # noqa: S608 - values are bound
        for name in patterns
    )
    either = f"UNION ({with_words})" if patterns else ""
    found: Sequence[str] = (
        run(
            connection,
            f"""
            SELECT person_key
            FROM (
                SELECT person_key FROM person_term WHERE term LIKE :id
                {either}) f
            ORDER BY person_key <> :key, person_key
            LIMIT :limit""",  # noqa: S608 - our own text; values are bound
            id=like_prefix(person_key),
            key=person_key,
            limit=limit,
            **patterns,
        )
        .scalars()
        .all()
    )
    return found


def like_prefix(text: str) -> str:
    """A LIKE pattern of the texts that begin with this one."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def list_newest_rows(connection: Connection, person_keys: Sequence[str]) -> Sequence[Any]:
    """List the newest row of each person, in the order of the keys."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT n.*
        FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS k(person_key, place)
        CROSS JOIN LATERAL (
            SELECT r.person_key, r.employee_id, r.first_name, r.last_name, r.branch_id,
                b.uploaded_at
            FROM batch_row r
            JOIN batch b USING (batch_id)
            WHERE r.person_key = k.person_key AND r.person_key <> ''
            ORDER BY b.uploaded_at DESC, r.file_row
            LIMIT 1) n
        ORDER BY k.place""",
        keys=list(person_keys),
    ).all()
    return found
