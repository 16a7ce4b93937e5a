"""The table `waiting`: changes that wait for their payment's approval or for an earlier version."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.database.engine import run


@dataclass(frozen=True, slots=True)
class OverdueChange:
    """A payment whose next change has waited for too long; `version` is the first that waits."""

    batch_id: UUID
    payment_id: UUID
    version: int


def insert_waiting(connection: Connection, changes: Sequence[PaymentChanged]) -> None:
    """Store changes until what they need has arrived. One that waits already is left as it is."""
    run(
        connection,
        """
        INSERT INTO waiting (payment_id, version, batch_id, body)
        SELECT *
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:versions AS int[]),
            CAST(:batch_ids AS uuid[]), CAST(:bodies AS text[])
        )
        ON CONFLICT DO NOTHING""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
        batch_ids=[str(c.batch_id) for c in changes],
        bodies=[c.model_dump_json() for c in changes],
    )


def find_waiting(connection: Connection, payment_ids: Collection[UUID]) -> list[PaymentChanged]:
    """The waiting changes of these payments."""
    rows = run(
        connection,
        """
        SELECT body
        FROM waiting
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
        ids=[str(payment_id) for payment_id in payment_ids],
    )
    return [PaymentChanged.model_validate_json(row.body) for row in rows]


def delete_waiting(connection: Connection, keys: Sequence[tuple[UUID, int]]) -> None:
    """Delete changes that wait no longer, by (payment id, version). A second call deletes none."""
    run(
        connection,
        """
        DELETE FROM waiting w
        USING unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS given(payment_id, version)
        WHERE w.payment_id = given.payment_id
            AND w.version = given.version""",
        ids=[str(payment_id) for payment_id, _ in keys],
        versions=[version for _, version in keys],
    )


def find_overdue_changes(
    connection: Connection, older_than_s: int, count_max: int
) -> list[OverdueChange]:
    """The first waiting version of each payment that has waited for so many seconds."""
    rows = run(
        connection,
        """
        SELECT batch_id, payment_id, min(version) AS version
        FROM waiting
        WHERE since < now() - make_interval(secs => :age)
        GROUP BY 1, 2
        ORDER BY 1, 2
        LIMIT :count_max""",
        age=older_than_s,
        count_max=count_max,
    )
    return [OverdueChange(row.batch_id, row.payment_id, row.version) for row in rows]


def count_waiting(connection: Connection) -> int:
    """How many changes wait."""
    return int(run(connection, "SELECT count(*) FROM waiting").scalar_one())


def oldest_waiting_age_s(connection: Connection) -> float:
    """For how many seconds the oldest waiting change has waited; 0 if none waits."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(extract(epoch FROM now() - min(since)), 0)
            FROM waiting""",
        ).scalar_one()
    )
