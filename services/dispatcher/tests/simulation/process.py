"""The one file in which the simulation touches the dispatcher's own code.

A process is a sender with what it holds in memory. Everything else is on the database, which all
processes share. Each step is one call of production code.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.database.engine import run
from libs.common.recovery import quarantine
from libs.common.tests import database_copies
from services.dispatcher import commands, consumers
from services.dispatcher.commands import BatchAct, Order, Refused
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.recovery.steps import after_topics, before_topics
from services.dispatcher.sending.payments import PaymentSender
from services.dispatcher.sending.worker import Call, send_in_time
from services.dispatcher.store import kill_switch
from services.dispatcher.tests.factories import AT, announce_batch, approvals
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.simulation.provider import BEGIN
from services.dispatcher.tests.table_copies import restore_tables

LEASED_AT_ONCE = 3
PERSON = Order("anna", "a simulation", approver=True)
PEOPLE = ("anna", "adam")


class SimulatedProcess:
    """One worker's process on the dispatcher's database."""

    def __init__(self, dispatcher: ManualDispatcher) -> None:
        self.dispatcher = dispatcher
        self.sender = PaymentSender(dispatcher.timing, dispatcher.clocks, dispatcher.walked)
        self.send_until_s = 0.0

    def lease(self, before_commit: Callable[[Sequence[Call]], None]) -> list[Call]:
        """Gate and intent. `before_commit` runs while the transaction is open."""
        self.sender.outage_answers = 0  # the circuit breaker has tests of its own
        timing = self.dispatcher.timing
        self.send_until_s = self.dispatcher.clocks.boot_s() + timing.send_within_s
        with self.dispatcher.engine.begin() as connection:
            calls = list(self.sender.lease_calls(connection, LEASED_AT_ONCE))
            before_commit(calls)
        return calls

    def send(self, call: Call, send_until_s: float) -> Answer:
        """Send a leased call, unless it is too late for it by the clocks of the process."""
        return send_in_time(self.dispatcher.provider, call, send_until_s)

    def record(self, answers: Sequence[tuple[Call, Answer]]) -> None:
        with self.dispatcher.engine.begin() as connection:
            self.sender.record_answers(connection, answers)

    def track(self) -> None:
        """One turn of the loops that ask the provider: the walk before sends, and look-ups."""
        self.dispatcher.walker.retry_at = 0.0
        self.dispatcher.walker.walk()
        self.dispatcher.lookup.look_up()
        self.dispatcher.lookup.sweep()


# --- people ------------------------------------------------------------------------------------


def order(dispatcher: ManualDispatcher, act: BatchAct) -> None:
    """A person orders something of the batch; what is refused changes nothing."""
    try:
        with dispatcher.engine.begin() as connection:
            commands.order_batch(connection, dispatcher.batch_id, act, PERSON)
    except Refused:
        pass
    dispatcher.provisioner.start_batches()


def decide_duplicates(dispatcher: ManualDispatcher) -> None:
    """Two people decide what became of the second payments that stopped the sending."""
    for finding in dispatcher.rows("SELECT payment_id FROM duplicate WHERE decided_at IS NULL"):
        for person in PEOPLE:
            with dispatcher.engine.begin() as connection:
                order = Order(person, PERSON.reason, approver=True)
                commands.order_duplicate(connection, finding.payment_id, "accepted", order)


def turn_kill_switch(dispatcher: ManualDispatcher, engaged: bool) -> None:
    with dispatcher.engine.begin() as connection:
        kill_switch.engage(connection, engaged, PERSON.person, PERSON.reason)


def takes_effect_now(dispatcher: ManualDispatcher, act: Callable[[Connection], object]) -> bool:
    """Whether an order takes effect without waiting for a transaction that is open; undone."""
    with dispatcher.engine.connect() as connection:
        run(connection, "SET lock_timeout = '1ms'")
        try:
            act(connection)
        except OperationalError:
            return False
        finally:
            connection.rollback()
        return True


def pause_on(connection: Connection, batch_id: UUID) -> None:
    commands.order_batch(connection, batch_id, "pause", PERSON)


def kill_on(connection: Connection) -> None:
    kill_switch.engage(connection, True, PERSON.person, PERSON.reason)


# --- messages ----------------------------------------------------------------------------------


def deliver_approval(dispatcher: ManualDispatcher, count: int) -> None:
    """The messages of the batch come, again as well."""
    announce_batch(dispatcher.engine, dispatcher.batch_id, count, approved_at=BEGIN)


def deliver_webhook(dispatcher: ManualDispatcher, provider_id: str) -> None:
    event = ProviderEventReceived(
        event_id=uuid4(),
        occurred_at=AT,
        provider_id=provider_id,
        provider_event=f"evt_{provider_id}",
        webhook_type="payment.update",
        received_at=AT,
    )
    with dispatcher.engine.begin() as connection:
        consumers.hints(connection, [event])


# --- restores ----------------------------------------------------------------------------------


def restore_both(dispatcher: ManualDispatcher, copied_s_ago: float) -> None:
    """Database and topics come back from the same moment, and the processes start."""
    restore_tables(dispatcher.owner)
    dispatcher.age_rows(copied_s_ago)  # what the copy dates is that much older
    dispatcher.begin_process()


def restore_database(
    dispatcher: ManualDispatcher, copied_s_ago: float, meanwhile: Callable[[], None]
) -> None:
    """The database alone comes back. It is recovered, and two people release it.

    `meanwhile` runs while the database is quarantined.
    """
    published = database_copies.messages(dispatcher.engine)
    restore_both(dispatcher, copied_s_ago)
    first = database_copies.quarantine_copy(dispatcher.engine, published)
    recover(dispatcher, first, meanwhile)


def recover(
    dispatcher: ManualDispatcher, first: int, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Recover a quarantined database from what was published and from the provider; release it."""
    before_topics(dispatcher.engine, first)
    turn_kill_switch(dispatcher, False)
    meanwhile()
    after_topics(dispatcher.engine, dispatcher.reader, dispatcher.timing, first, approvals())
    quarantine.mark_recovered(dispatcher.engine)
    for person in PEOPLE:
        with dispatcher.engine.begin() as connection:
            quarantine.release(connection, person, PERSON.reason, approver=True)
    turn_kill_switch(dispatcher, False)


def recover_if_quarantined(dispatcher: ManualDispatcher) -> None:
    """What the walk found unknown is recovered, as after a restore."""
    with dispatcher.engine.connect() as connection:
        found = quarantine.find_open(connection)
    if found is not None:
        recover(dispatcher, found.first_outbox_id)


# --- what is read to judge ---------------------------------------------------------------------


def snapshots(dispatcher: ManualDispatcher) -> dict[str, tuple[str, str]]:
    """(our status, the provider payment's id) of every payment, by its id as text."""
    rows = dispatcher.rows("SELECT CAST(payment_id AS text), status, provider_id FROM payment")
    return {row.payment_id: (row.status, row.provider_id or "") for row in rows}


def who_may_pay(dispatcher: ManualDispatcher) -> Any:
    """What may be sent now: `halted`, batches `paying`, payments whose source is `stopped`."""
    (row,) = dispatcher.rows(
        """
        SELECT engaged OR EXISTS (SELECT FROM restored WHERE released_at IS NULL) AS halted,
               ARRAY(
                   SELECT CAST(batch_id AS text)
                   FROM batch
                   WHERE state = 'paying'
               ) AS paying,
               ARRAY(
                   SELECT payment_id
                   FROM payment
                   WHERE account_index IN (SELECT account_index FROM source_stop)
                       OR source_object IN (SELECT object_id FROM object WHERE status = 'inactive')
               ) AS stopped
        FROM kill_switch"""
    )
    return row


def frozen_body(dispatcher: ManualDispatcher, key: str) -> str | None:
    """The body that is committed under a key; None if there is none."""
    rows = dispatcher.rows(
        "SELECT body FROM attempt WHERE CAST(idempotency_key AS text) = :key", key=key
    )
    return str(rows[0].body) if rows else None
