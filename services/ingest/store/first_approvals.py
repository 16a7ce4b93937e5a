"""Table `first_approval`: the first of two approvals, of a batch with this digest.

One stands at a time (index `first_approval_standing`). A batch with another digest needs another
one; one of a batch that was sent back is void. Whose approver has a hand in the batch later does
not count any more (the database's function `first_approval_counts`).
"""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest.domain import decision_messages
from services.ingest.domain.approval_rules import FirstApproval
from services.ingest.store import batches


def find_standing(connection: Connection, batch_id: UUID) -> FirstApproval | None:
    """Find the first approval of the batch as it is now; None if nobody has approved it so."""
    row = (
        run(
            connection,
            """
            SELECT f.number, f.digest, f.approved_by, f.approved_at, f.rules_version,
                f.counts_as, f.acknowledged, f.assertion, f.one_person, f.start_at
            FROM first_approval f
            JOIN batch b USING (batch_id, digest)
            WHERE f.batch_id = :id AND first_approval_counts(f)""",
            id=batch_id,
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    texts = {name: tuple(row[name]) for name in ("counts_as", "acknowledged")}
    return FirstApproval(**{**row, **texts})


def list_standing(connection: Connection, batch_ids: Collection[UUID]) -> dict[UUID, str]:
    """List who has given the first approval that stands, of each of these batches that has one."""
    found = run(
        connection,
        """
        SELECT f.batch_id, f.approved_by
        FROM first_approval f
        JOIN batch b USING (batch_id, digest)
        WHERE f.batch_id = ANY(CAST(:ids AS uuid[]))
            AND first_approval_counts(f)""",
        ids=[str(one) for one in batch_ids],
    )
    return {row.batch_id: row.approved_by for row in found}


def count(connection: Connection, batch_id: UUID) -> int:
    """Count the first approvals of a batch, also those that do not stand."""
    number: int = run(
        connection, "SELECT count(*) FROM first_approval WHERE batch_id = :id", id=batch_id
    ).scalar_one()
    return number


def insert(connection: Connection, batch_id: UUID, first: FirstApproval) -> None:
    """Insert the first approval of a batch. Triggers refuse it as they refuse an approval."""
    run(
        connection,
        """
        INSERT INTO first_approval (
            batch_id, number, digest, approved_by, approved_at, rules_version, counts_as,
            acknowledged, assertion, one_person, start_at)
        VALUES (:id, :number, :digest, :approved_by, :approved_at, :rules_version, :counts_as,
            :acknowledged, :assertion, :one_person, :start_at)
        ON CONFLICT DO NOTHING""",
        id=batch_id,
        number=first.number,
        digest=first.digest,
        approved_by=first.approved_by,
        approved_at=first.approved_at,
        rules_version=first.rules_version,
        counts_as=list(first.counts_as),
        acknowledged=list(first.acknowledged),
        assertion=first.assertion,
        one_person=first.one_person,
        start_at=first.start_at,
    )


def void(connection: Connection, batch_id: UUID) -> None:
    """Void the first approvals of a batch, as if none was given. A second call changes nothing."""
    run(
        connection,
        "UPDATE first_approval SET void = true WHERE batch_id = :id AND NOT void",
        id=batch_id,
    )


def recover_first(connection: Connection, newest: BatchChanged) -> None:
    """Write the first approval of a batch that is about to be approved again, as it was published.

    Others that this database has do not stand any more. One whose approver has had a hand in the
    batch since is left out: no approval counts on it.
    """
    _void_others(connection, newest)
    if newest.first_approval is None:
        return
    first = decision_messages.published_first(newest.first_approval)
    first = replace(first, start_at=newest.first_start_at)
    barred = batches.list_contributors(connection, newest.batch_id)
    if first.one_person or not barred.intersection((first.approved_by, *first.counts_as)):
        insert(connection, newest.batch_id, first)


def _void_others(connection: Connection, newest: BatchChanged) -> None:
    """Void the first approvals of a batch that were not published with it last."""
    run(
        connection,
        """
        UPDATE first_approval
        SET void = true
        WHERE batch_id = :id AND number <> :number AND NOT void""",
        id=newest.batch_id,
        number=newest.first_approval.number if newest.first_approval else -1,
    )
