"""Wires the ledger and starts it: what each topic's messages do to the books, in the consumer's transaction."""

import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.provider import StatementClosed, StatementLine
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import message_tracing, outbox
from libs.common.messaging.consumer import Apply, Beat
from libs.common.recovery.restore import RecoverySteps
from libs.common.runtime.loops import Loop, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.ledger import handlers, routes
from services.ledger.domain import Journal
from services.ledger.reconciliation import service as reconcile
from services.ledger.settings import LedgerSettings
from services.ledger.store import journals as store
from services.ledger.store import statements

MIGRATIONS = Path(__file__).parent / "migrations"
LOOK_AGAIN_S = 5.0


def apply_batches(connection: Connection, events: Sequence[Event]) -> None:
    """Keep the newest version of each batch."""
    batches = [e for e in events if isinstance(e, BatchChanged)]
    ids = {e.batch_id for e in batches}
    store.lock_batches(connection, ids)
    store.put_batches(connection, batches)
    reconcile.judge_due(connection, ids)


def apply_approvals(connection: Connection, events: Sequence[Event]) -> None:
    """Hold each approved payment's money, once; then apply the changes that came before their approval."""
    approvals = [e for e in events if isinstance(e, PaymentApproved)]
    ids = {e.batch_id for e in approvals}
    store.lock_batches(connection, ids)
    holds = {e.payment_id: handlers.on_payment_approved(e) for e in approvals}
    new = store.put_payments(connection, approvals)
    posted = [journal for payment_id, journal in holds.items() if payment_id in new]
    if posted:
        post(connection, posted)
        outbox.add(connection, [handlers.journal_posted(journal) for journal in posted])
        advance(connection, [], {journal.payment_id for journal in posted})
    reconcile.judge_due(connection, ids)


def apply_changes(connection: Connection, events: Sequence[Event]) -> None:
    """Bring payments to their next versions and post what that asks for; what comes too early waits."""
    changes = [e for e in events if isinstance(e, PaymentChanged)]
    ids = {e.batch_id for e in changes}
    store.lock_batches(connection, ids)
    advance(connection, changes, {e.payment_id for e in changes})
    reconcile.judge_due(connection, ids)


def apply_statements(connection: Connection, events: Sequence[Event]) -> None:
    """Keep the provider's lines, and judge the statements that are closed."""
    keep_statements(connection, events)
    reconcile.judge_due(
        connection, {e.batch_id for e in events if isinstance(e, StatementLine | StatementClosed)}
    )


def keep_statements(connection: Connection, events: Sequence[Event]) -> None:
    """Keep the provider's lines and closings without judging them."""
    store.lock_batches(
        connection, {e.batch_id for e in events if isinstance(e, StatementLine | StatementClosed)}
    )
    statements.put_lines(connection, [e for e in events if isinstance(e, StatementLine)])
    statements.put_closings(connection, [e for e in events if isinstance(e, StatementClosed)])


def advance(
    connection: Connection, changes: Sequence[PaymentChanged], payment_ids: set[UUID]
) -> None:
    """Apply these changes and those that waited for these payments, as far as their versions follow without a gap."""
    waiting = store.waiting(connection, payment_ids)
    if not changes and not waiting:
        return
    result = handlers.on_payments_changed(
        changes,
        waiting,
        store.positions(connection, payment_ids),
        store.contents(connection, changes),
    )
    if result.kept:
        store.keep(connection, result.kept)
    if result.woken:
        store.release_waiting(connection, result.woken)
    if result.applied:
        store.put_changes(connection, result.applied)
    if result.postings:
        journals = handlers.journals(
            result.postings, store.holds(connection, {p.change.payment_id for p in result.postings})
        )
        post(connection, journals)
        outbox.add(
            connection,
            [
                handlers.journal_posted(j, p.change)
                for j, p in zip(journals, result.postings, strict=True)
            ],
        )


def post(connection: Connection, journals: Sequence[Journal]) -> None:
    """Write these journals; where it is traced, a part of the turn for each batch and kind."""
    with message_tracing.part_of_turn(
        lambda: ((str(journal.batch_id), f"post {journal.kind}") for journal in journals)
    ):
        store.append(connection, journals)


APPLIES: dict[Topic, Apply] = {
    topics.BATCHES: apply_batches,
    topics.APPROVED_PAYMENTS: apply_approvals,
    topics.STATUS_EVENTS: apply_changes,
    topics.PROVIDER_STATEMENTS: apply_statements,
}


def look_again(engine: Engine, waiting_max_s: int) -> None:
    """What time alone brings: breaks of what waits too long, and runs whose dead letters a person has redriven."""
    with engine.begin() as connection:
        reconcile.note_waiting(connection, waiting_max_s)
        patient, overdue = reconcile.unfinished(connection, waiting_max_s)
    for batch_id in (*patient, *overdue):
        with engine.begin() as connection:
            store.lock_batches(connection, [batch_id])
            reconcile.judge_due(connection, [batch_id], overdue=batch_id in overdue)


#: Where there was no verdict yet, since the first payment that was reserved.
VERDICT_AGE = """
SELECT coalesce(extract(epoch FROM now() - coalesce((SELECT max(judged_at) FROM statement_run), (SELECT min(posted_at) FROM journal))), 0)"""


def main() -> None:
    """Run the service until it is stopped."""
    settings = read_or_exit(LedgerSettings)
    service = Service("ledger", settings, MIGRATIONS)
    for topic, apply in APPLIES.items():
        service.add_consumer(topic, apply)

    def watch(stop: threading.Event, beat: Beat) -> None:
        take_turns(
            [lambda: look_again(service.engine, settings.waiting_max_s)], stop, beat, LOOK_AGAIN_S
        )

    def count(query: str) -> float:
        with service.engine.connect() as connection:
            return float(run(connection, query).scalar_one())

    def take_back(engine: Engine, first: int, _beat: Beat) -> None:
        with engine.begin() as connection:
            reconcile.take_back(connection, first)

    service.startup_gate.recovery_steps = RecoverySteps(
        before=take_back
    )  # the rest follows from the topics, read to their ends
    service.loops.append(Loop("watch", watch))
    service.gauges["waiting_changes"] = lambda: count("SELECT count(*) FROM waiting")
    service.gauges["waiting_age_seconds"] = lambda: count(
        "SELECT coalesce(extract(epoch FROM now() - min(since)), 0) FROM waiting"
    )
    service.gauges["verdict_age_seconds"] = lambda: count(VERDICT_AGE)
    service.gauges["open_breaks"] = lambda: count(
        "SELECT count(*) FROM reconciliation_break WHERE closed_at IS NULL"
    )
    service.add_relay()
    service.add_dead_letter_routes()
    service.routers.append(routes.router(service.engine, settings.internal_token))
    service.serve()
