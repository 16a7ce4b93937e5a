"""Whether the approval of a batch is the first of two, by the rules that hold."""

from datetime import datetime

from sqlalchemy import Connection

from services.ingest.domain.approval import Approval
from services.ingest.domain.approval_rules import FirstApproval, check_second
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.store import approval_rules, first_approvals, published_events


def record_first(
    connection: Connection, batch: Batch, approval: Approval, now: datetime, *, one_person: bool
) -> tuple[int, bool]:
    """Record an approval that fits the batch, if a rule asks for another one after it.

    The caller has locked the batch. The rules do not change until this transaction ends. The same
    first approval again changes nothing; with another start it replaces the one before.

    Returns:
        The version of the rules (0: there are none), and whether the batch waits for another
        person now. If it does not, this approval is the last one that it needs.

    Raises:
        RequestError: the second approval is of the same person, or includes rows.
    """
    approval_rules.lock_rules(connection, change=False)
    rules = approval_rules.find_current(connection)
    version = rules.rules_version if rules else 0
    if not approval_rules.list_hit(connection, batch.batch_id, rules):
        return version, False
    if approval.include:
        raise RequestError(
            "conflict",
            "approval.include-two",
            "This batch needs two approvers, who must approve the same rows. Nothing was approved.",
            "Include the rows as a decision first; another two approvers then approve the batch.",
        )
    first = first_approvals.find_standing(connection, batch.batch_id)
    if first is not None and first.approved_by != approval.person:
        check_second(approval, first)
        return version, False
    if first is None or first.start_at != approval.start_at:
        first = FirstApproval(
            number=first_approvals.count(connection, batch.batch_id),
            digest=approval.digest,
            approved_by=approval.person,
            approved_at=now,
            rules_version=version,
            counts_as=tuple(sorted(approval.counts_as)),
            acknowledged=tuple(sorted(approval.acknowledge)),
            assertion=approval.assertion.model_dump_json() if approval.assertion else "",
            one_person=one_person,
            start_at=approval.start_at,
        )
        # One that does not count any more must not stand in the way of this one.
        first_approvals.void(connection, batch.batch_id)
        first_approvals.insert(connection, batch.batch_id, first)
        published_events.publish_batch(connection, batch.batch_id, now)
    return version, True
