"""What runs when messages arrive: each topic's function, in the transaction of the consumer.

Every function may be called with the same events again; it then changes nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.provider import StatementClosed, StatementLine
from libs.common.contracts.topics import Topic
from libs.common.messaging import message_tracing, outbox
from libs.common.messaging.consumer import Apply
from services.ledger import handlers
from services.ledger.domain.journals import Journal
from services.ledger.reconciliation.service import judge_due
from services.ledger.store import (
    batches,
    journals,
    payment_changes,
    payments,
    runs,
    statements,
    waiting,
)


def apply_batches(connection: Connection, events: Sequence[Event]) -> None:
    """Store the newest version of each batch, and judge what is due."""
    changed = [e for e in events if isinstance(e, BatchChanged)]
    batch_ids = {e.batch_id for e in changed}
    batches.lock_batches(connection, batch_ids)
    batches.upsert_batches(connection, changed)
    judge_due(connection, batch_ids)


def apply_approvals(connection: Connection, events: Sequence[Event]) -> None:
    """Reserve the money of each new payment, and apply the changes that waited for its approval."""
    approvals = [e for e in events if isinstance(e, PaymentApproved)]
    batch_ids = {e.batch_id for e in approvals}
    batches.lock_batches(connection, batch_ids)
    holds = {e.payment_id: handlers.on_payment_approved(e) for e in approvals}
    new = payments.insert_payments(connection, approvals)
    posted = [journal for payment_id, journal in holds.items() if payment_id in new]
    if posted:
        post_journals(connection, posted)
        outbox.add(connection, [handlers.journal_posted(journal) for journal in posted])
        apply_waiting_and_new(connection, [], {journal.payment_id for journal in posted})
    judge_due(connection, batch_ids)


def apply_changes(connection: Connection, events: Sequence[Event]) -> None:
    """Bring payments to their next versions and post the journals that these require."""
    changes = [e for e in events if isinstance(e, PaymentChanged)]
    batch_ids = {e.batch_id for e in changes}
    batches.lock_batches(connection, batch_ids)
    apply_waiting_and_new(connection, changes, {e.payment_id for e in changes})
    judge_due(connection, batch_ids)


def apply_statements(connection: Connection, events: Sequence[Event]) -> None:
    """Store the provider's lines, and judge the statements that are closed."""
    store_statements(connection, events)
    judge_due(connection, _statement_batches(events))


def store_statements(connection: Connection, events: Sequence[Event]) -> None:
    """Store the provider's lines and the closings of statements, and judge nothing."""
    batches.lock_batches(connection, _statement_batches(events))
    statements.insert_lines(connection, [e for e in events if isinstance(e, StatementLine)])
    runs.insert_runs(connection, [e for e in events if isinstance(e, StatementClosed)])


def _statement_batches(events: Sequence[Event]) -> set[UUID]:
    return {e.batch_id for e in events if isinstance(e, StatementLine | StatementClosed)}


def apply_waiting_and_new(
    connection: Connection, changes: Sequence[PaymentChanged], payment_ids: set[UUID]
) -> None:
    """Apply new and waiting changes of these payments as far as their versions have no gap.

    The others wait. The batches must be locked.
    """
    waited = waiting.find_waiting(connection, payment_ids)
    if not changes and not waited:
        return
    plan = handlers.on_payments_changed(
        changes,
        waited,
        payments.find_applied_versions(connection, payment_ids),
        payment_changes.find_applied_digests(connection, changes),
    )
    if plan.deferred:
        waiting.insert_waiting(connection, plan.deferred)
    if plan.resumed:
        waiting.delete_waiting(connection, plan.resumed)
    if plan.applied:
        payment_changes.insert_changes(connection, plan.applied)
        payments.update_payments(connection, plan.applied)
    if plan.postings:
        post_follow_ups(connection, plan.postings)


def post_follow_ups(connection: Connection, postings: Sequence[handlers.Posting]) -> None:
    """Write the journals that changes require, and publish them."""
    holds = journals.find_holds(connection, {p.change.payment_id for p in postings})
    required = handlers.follow_up_journals(postings, holds)
    post_journals(connection, required)
    outbox.add(
        connection,
        [
            handlers.journal_posted(journal, posting.change)
            for journal, posting in zip(required, postings, strict=True)
        ],
    )


def post_journals(connection: Connection, new: Sequence[Journal]) -> None:
    """Write journals. In a trace, each batch and kind is a span of the consumer's turn."""
    with message_tracing.part_of_turn(
        lambda: ((str(journal.batch_id), f"post {journal.kind}") for journal in new)
    ):
        journals.insert_journals(connection, new)


APPLIES: dict[Topic, Apply] = {
    topics.BATCHES: apply_batches,
    topics.APPROVED_PAYMENTS: apply_approvals,
    topics.STATUS_EVENTS: apply_changes,
    topics.PROVIDER_STATEMENTS: apply_statements,
}
