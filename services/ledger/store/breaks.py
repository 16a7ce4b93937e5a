"""The table `reconciliation_break`: differences that were found, open or closed."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ledger.domain.comparisons import DISPATCHER, Finding

#: Subjects of the breaks of kind `waiting` that no run opens or closes.
WAITING_CHANGE, WAITING_APPROVAL = "change", "approval"


def upsert_breaks(
    connection: Connection, batch_id: UUID, run_id: UUID | None, findings: Sequence[Finding]
) -> None:
    """Open a break for each finding.

    A break that is open keeps its opening time. One that was closed is open again, from its first
    opening on, and says when it was found again.
    """
    unique = {finding.break_id(batch_id): finding for finding in findings}
    run(
        connection,
        """
        INSERT INTO reconciliation_break (
            break_id,
            kind, payment_id, provider_payment_id, subject,
            expected, found, account, evidence, outside,
            batch_id, first_run_id, last_run_id,
            opened_at, last_seen_at
        )
        SELECT
            given.*,
            :batch_id, CAST(:run_id AS uuid), CAST(:run_id AS uuid),
            now(), now()
        FROM unnest(
            CAST(:ids AS uuid[]),
            CAST(:kinds AS text[]), CAST(:payment_ids AS text[]),
            CAST(:provider_payment_ids AS text[]), CAST(:subjects AS text[]),
            CAST(:expected AS text[]), CAST(:found AS text[]),
            CAST(:accounts AS text[]), CAST(:evidence AS text[]), CAST(:outside AS jsonb[])
        ) AS given
        ON CONFLICT (break_id) DO UPDATE
        SET expected = excluded.expected,
            found = excluded.found,
            account = excluded.account,
            evidence = excluded.evidence,
            outside = excluded.outside,
            last_run_id = excluded.last_run_id,
            last_seen_at = excluded.last_seen_at,
            reopened_at = CASE
                WHEN reconciliation_break.closed_at IS NULL THEN reconciliation_break.reopened_at
                ELSE excluded.last_seen_at
            END,
            closed_at = NULL""",
        batch_id=batch_id,
        run_id=run_id,
        ids=[str(break_id) for break_id in unique],
        kinds=[finding.kind for finding in unique.values()],
        payment_ids=[finding.payment_id for finding in unique.values()],
        provider_payment_ids=[finding.provider_payment_id for finding in unique.values()],
        subjects=[finding.subject for finding in unique.values()],
        expected=[finding.expected for finding in unique.values()],
        found=[finding.found for finding in unique.values()],
        accounts=[finding.account for finding in unique.values()],
        evidence=[finding.evidence for finding in unique.values()],
        outside=[
            json.dumps([asdict(money) for money in finding.outside]) for finding in unique.values()
        ],
    )


def close_breaks_not_found(
    connection: Connection,
    batch_id: UUID,
    run_id: UUID,
    findings: Sequence[Finding],
    *,
    compared: bool,
) -> None:
    """Close the batch's open breaks that a run no longer finds. A second call closes none.

    Breaks of changes and approvals that are waited for belong to no run and stay open.

    Args:
        compared: whether the run was compared. One that lacks something has looked for nothing
            else, and closes only what is missing no longer.
    """
    run(
        connection,
        """
        UPDATE reconciliation_break
        SET closed_at = now(),
            last_run_id = :run_id
        WHERE batch_id = :batch_id
            AND closed_at IS NULL
            AND break_id <> ALL(CAST(:found AS uuid[]))
            AND NOT (kind = 'waiting' AND subject = ANY(CAST(:without_run AS text[])))
            AND (
                :compared
                OR kind IN ('waiting', 'incomplete')
                OR (kind = 'dead_letter' AND subject <> :dispatcher)
            )""",
        run_id=run_id,
        batch_id=batch_id,
        compared=compared,
        dispatcher=DISPATCHER,
        found=[str(finding.break_id(batch_id)) for finding in findings],
        without_run=[WAITING_CHANGE, WAITING_APPROVAL],
    )


def close_breaks_of_applied_changes(connection: Connection) -> None:
    """Close the breaks of changes that wait no longer. A second call closes none."""
    run(
        connection,
        """
        UPDATE reconciliation_break b
        SET closed_at = now()
        WHERE kind = 'waiting'
            AND subject = :subject
            AND closed_at IS NULL
            AND NOT EXISTS (
                SELECT FROM waiting w
                WHERE w.payment_id = CAST(b.payment_id AS uuid)
            )""",
        subject=WAITING_CHANGE,
    )


def close_breaks_of_arrived_approvals(
    connection: Connection, still_missing: Collection[UUID]
) -> None:
    """Close the breaks of approvals, except of the batches `still_missing` some. Repeatable."""
    run(
        connection,
        """
        UPDATE reconciliation_break
        SET closed_at = now()
        WHERE kind = 'waiting'
            AND subject = :subject
            AND closed_at IS NULL
            AND batch_id <> ALL(CAST(:still_missing AS uuid[]))""",
        subject=WAITING_APPROVAL,
        still_missing=[str(batch_id) for batch_id in still_missing],
    )


def count_open(connection: Connection) -> int:
    """How many breaks are open that nobody has acknowledged as they are."""
    return int(
        run(
            connection,
            """
            SELECT count(*)
            FROM reconciliation_break b
            WHERE closed_at IS NULL
                AND NOT EXISTS (SELECT FROM acknowledgement a WHERE a.evidence = b.evidence)""",
        ).scalar_one()
    )
