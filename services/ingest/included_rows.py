"""Excluded rows that an approver includes in the act of approving."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.ingest import finalize
from services.ingest.domain.approval import Approval
from services.ingest.domain.batch import Batch
from services.ingest.domain.decision import (
    Decision,
    check_number,
    decision_id,
    rows_in_words,
)
from services.ingest.domain.digest import BatchDigest
from services.ingest.domain.errors import RequestError
from services.ingest.store import batches, decisions, row_outcomes, rows, totals


def include_rows(
    connection: Connection, batch: Batch, approval: Approval, now: datetime
) -> BatchDigest:
    """Make the excluded rows payable that the approver names, as the next revision of these rows.

    Returns:
        The digest of the batch with them: what is paid agrees with it.

    Raises:
        RequestError: one of them is not an excluded row of this batch; roll back.
    """
    excluded = {
        row.row_id: row
        for row in rows.list_excluded_in_period(
            connection, batch.batch_id, [one.row_id for one in approval.include]
        )
    }
    if len(excluded) != len(approval.include):
        raise RequestError(
            "conflict",
            "approval.include",
            "A row to include is not a row of this batch that was excluded for its pay period.",
            "Look at the excluded rows again.",
        )
    by_reason: dict[str, list[Any]] = defaultdict(list)
    for one in approval.include:
        by_reason[one.reason].append(excluded[one.row_id])
    check_number(decisions.count_with_amendments(connection, batch.batch_id), len(by_reason))
    for number, (reason, chosen) in enumerate(by_reason.items()):
        file_rows = [row.file_row for row in chosen]
        decision = Decision(
            decision_id=decision_id(batch, f"approval-{number}"),
            batch_id=batch.batch_id,
            act="include",
            target=rows_in_words(file_rows),
            reason=reason,
            evidence="",
            seen_digest=approval.digest,
            file_rows=tuple(file_rows),
            rows=len(file_rows),
            amount_cents=sum(row.amount_cents for row in chosen),
            decided_by=approval.person,
            decided_at=now,
            at_approval=True,
        )
        decisions.insert_decision(connection, decision)
    batches.set_revision(connection, batch.batch_id, batch.revision + 1)
    row_outcomes.write_includes(
        connection, batch, batch.revision + 1, approval.person, approval.include
    )
    digest, _ = finalize.publish_rows(
        connection, batches.get_batch(connection, batch.batch_id), now
    )
    totals.replace_totals(connection, batch.batch_id)
    return digest
