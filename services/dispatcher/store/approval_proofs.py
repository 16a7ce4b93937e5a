"""Columns of `batch`: whether the gateway's signature proves the approval."""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def write_proved(connection: Connection, batch_id: UUID, digest: str) -> None:
    """Note that the approval of this digest is proved."""
    run(
        connection,
        "UPDATE batch SET proved_digest = :digest, approval_problem = '' WHERE batch_id = :id",
        id=batch_id,
        digest=digest,
    )


def write_problem(connection: Connection, batch_id: UUID, problem: str) -> bool:
    """Note why an approval is not proved; whether that was not known before."""
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET approval_problem = :problem
            WHERE batch_id = :id AND approval_problem <> :problem""",
            id=batch_id,
            problem=problem,
        ).rowcount
    )


def count_unproved(connection: Connection) -> int:
    """Count the approved batches that wait because their approval is not proved."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM batch
        WHERE state = 'waiting' AND status IN ('approved', 'paying', 'paused')
            AND approval_problem <> ''""",
    ).scalar_one()
    return count
