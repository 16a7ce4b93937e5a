"""The names of people whom a decision is about, from its first rows."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from libs.common.database.engine import run

#: So many rows of a decision are looked at, and so many of their people are named.
ROWS_MAX: Final = 20
PEOPLE_MAX: Final = 3


def list_people_of_decisions(connection: Connection, decisions: Iterable[Any]) -> Sequence[Any]:
    """List the people of the first rows of each decision, at most three for each.

    Args:
        decisions: with decision_id, batch_id, and file_rows in their order.
    """
    rows = [
        (str(one.decision_id), str(one.batch_id), file_row)
        for one in decisions
        for file_row in one.file_rows[:ROWS_MAX]
    ]
    found: Sequence[Any] = run(
        connection,
        """
        SELECT decision_id, person_key, first_name, last_name
        FROM (
            SELECT f.*, row_number() OVER (PARTITION BY decision_id ORDER BY file_row) AS place
            FROM (
                SELECT DISTINCT ON (n.decision_id, r.person_key)
                    n.decision_id, r.person_key, r.first_name, r.last_name, r.file_row
                FROM unnest(
                    CAST(:decisions AS uuid[]), CAST(:batches AS uuid[]), CAST(:rows AS int[])
                ) AS n(decision_id, batch_id, file_row)
                JOIN batch_row r USING (batch_id, file_row)
                WHERE r.person_key <> ''
                ORDER BY n.decision_id, r.person_key, r.file_row) f) p
        WHERE place <= :most
        ORDER BY decision_id, place""",
        decisions=[decision for decision, _, _ in rows],
        batches=[batch for _, batch, _ in rows],
        rows=[file_row for _, _, file_row in rows],
        most=PEOPLE_MAX,
    ).all()
    return found
