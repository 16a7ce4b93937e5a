"""What becomes due by time alone: breaks of what is late, and runs that must be judged again."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ledger.domain.comparisons import Finding
from services.ledger.reconciliation.service import judge_due
from services.ledger.store import batches, breaks, runs, waiting

OVERDUE_CHANGES_MAX = 1_000


def check_overdue(engine: Engine, waiting_max_s: int) -> None:
    """Open and close the breaks of what is late, then judge the batches that are not finished.

    A batch is not finished while a person may have redriven its dead letters, or while its run has
    lacked something for `waiting_max_s`. Each batch has a transaction of its own. A second call
    changes nothing.
    """
    with engine.begin() as connection:
        note_late_messages(connection, waiting_max_s)
        unfinished = runs.find_unfinished_batches(connection, waiting_max_s)
    for batch in sorted(unfinished, key=lambda batch: batch.overdue):
        with engine.begin() as connection:
            batches.lock_batches(connection, [batch.batch_id])
            judge_due(connection, [batch.batch_id], overdue=batch.overdue)


def note_late_messages(connection: Connection, older_than_s: int) -> None:
    """Open a break for each batch or payment whose messages are late; close those that arrived."""
    missing = batches.find_batches_missing_payments(connection, older_than_s)
    late = waiting.find_overdue_changes(connection, older_than_s, OVERDUE_CHANGES_MAX)
    findings: dict[UUID, list[Finding]] = defaultdict(list)
    for batch in missing:
        findings[batch.batch_id].append(
            Finding(
                "waiting",
                breaks.WAITING_APPROVAL,
                expected=f"{batch.declared} approved payments",
                found=f"{batch.present} are here",
            )
        )
    for change in late:
        findings[change.batch_id].append(
            Finding(
                "waiting",
                breaks.WAITING_CHANGE,
                str(change.payment_id),
                expected=f"the versions before {change.version}",
                found="not here yet",
            )
        )
    for batch_id, of_batch in findings.items():
        breaks.upsert_breaks(connection, batch_id, None, of_batch)
    breaks.close_breaks_of_applied_changes(connection)
    breaks.close_breaks_of_arrived_approvals(connection, [batch.batch_id for batch in missing])
