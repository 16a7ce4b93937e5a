"""A dispatcher that lives through events, forgets the newest part, and recovers."""

import dataclasses
from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Engine

from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.tests import database_copies
from services.dispatcher import commands, consumers
from services.dispatcher.commands import BatchAct, HeldAct, Order, Refused
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.recovery.steps import after_topics, before_topics
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.store import statements
from services.dispatcher.tests import table_copies
from services.dispatcher.tests.factories import AT, CIPHER, announce_batch, approvals
from services.dispatcher.tests.harness import BareDispatcher
from services.dispatcher.tests.memory_provider import lost, refusing
from services.dispatcher.tests.running import VERSION
from services.dispatcher.tracking.object_lookup import look_up_objects

HOUR_S = 3_600.0
PAUSED = "paused by a person"


class Life:
    """A dispatcher that lives through events, and remembers what came from the topics."""

    def __init__(self, engines: tuple[Engine, Engine]) -> None:
        self.dispatcher = BareDispatcher(*engines)
        self.provider, self.timing = self.dispatcher.provider, self.dispatcher.timing
        self.engine, self.owner = engines
        self.objects = ProviderObjectSender(self.timing, CIPHER, VERSION, self.dispatcher.clocks)
        self.messages: list[Callable[[], object]] = []
        self.batch_ids: list[UUID] = []

    # --- events ---

    def announce(self) -> None:
        """Ingest publishes an approved batch of three payments."""
        batch_id, tag = uuid4(), f"{len(self.batch_ids):x}"
        self.batch_ids.append(batch_id)
        self.receive(lambda: announce_batch(self.engine, batch_id, 3, tag=tag))

    def receive(self, message: Callable[[], object]) -> None:
        self.messages.append(message)
        message()

    def prepare(self) -> None:
        """Objects are created at the provider, and batches begin."""
        provisioner = self.dispatcher.provisioner
        while provisioner.insert_objects():
            pass
        while self._create_objects():
            pass
        provisioner.link_payments()
        provisioner.catch_up_at = 0.0
        provisioner.catch_up()
        provisioner.start_batches()
        provisioner.end_unpayable()
        self.dispatcher.walker.walk()

    def _create_objects(self) -> bool:
        with self.engine.begin() as connection:
            calls = self.objects.lease_calls(connection, 50)
        answers = [(call, self.dispatcher.send(call)) for call in calls]
        with self.engine.begin() as connection:
            self.objects.record_answers(connection, answers)
        return bool(calls)

    def send(self) -> None:
        self.dispatcher.sender.outage_answers = 0
        self.dispatcher.turn(2)

    def send_and_lose(self) -> None:
        self.provider.script = [lost]
        self.send()

    def send_and_fail_unexecuted(self) -> None:
        self.provider.script = [refusing(500)]
        self.send()

    def send_and_fail_executed(self) -> None:
        self.provider.script = [
            lambda body: dataclasses.replace(self.provider.accept(body), status=500, data=None)
        ]
        self.send()

    def send_and_refuse_amount(self) -> None:
        self.provider.script = [refusing(400, "INVALID_AMOUNT")]
        self.send()

    def send_and_refuse_source(self) -> None:
        self.provider.script = [refusing(400, "INSUFFICIENT_FUNDS")]
        self.send()

    def send_and_not_find(self) -> None:
        self.provider.script = [refusing(404, "NOT_FOUND")]
        self.send()

    def crash_after_lease(self) -> None:
        self.dispatcher.lease(1)

    def advance_to(self, *statuses: str) -> None:
        """The oldest live payment goes through these statuses, each of them read."""
        alive = [line for line in self.dispatcher.alive() if line["status"] != "posted"]
        for status in statuses:
            for line in alive[-1:]:
                self.provider.books[line["id"]]["status"] = status
            self.dispatcher.pass_time(24 * HOUR_S)
            self.dispatcher.poller.poll()

    def pay(self) -> None:
        self.advance_to("processing", "posted")

    def fail_there(self) -> None:
        self.advance_to("failed")

    def pay_and_return(self) -> None:
        self.advance_to("posted", "failed")

    def ask_for_return(self) -> None:
        self.advance_to("sent", "reversal_required")

    def hint(self) -> None:
        """A webhook comes for a payment that is read at once."""
        for line in self.dispatcher.alive()[:1]:
            event = ProviderEventReceived(
                event_id=uuid4(),
                occurred_at=AT,
                provider_id=line["id"],
                provider_event="evt_1",
                webhook_type="payment.update",
                received_at=AT,
            )
            self.receive(lambda event=event: self._record_hint(event))  # type: ignore[misc] # called at once
        self.dispatcher.poller.poll()

    def _record_hint(self, event: ProviderEventReceived) -> None:
        with self.engine.begin() as connection:
            consumers.hints(connection, [event])

    def look_up(self) -> None:
        self.dispatcher.pass_time(self.timing.grace_s)
        self.dispatcher.look_up(3)

    def order(self, act: BatchAct) -> None:
        """A person orders something of the newest batch; what is refused changes nothing."""
        for batch_id in self.batch_ids[-1:]:
            try:
                with self.engine.begin() as connection:
                    commands.order_batch(connection, batch_id, act, Order("anna", PAUSED))
            except Refused:
                pass
        self.prepare()

    def pause(self) -> None:
        self.order("pause")

    def resume(self) -> None:
        self.order("resume")

    def cancel(self) -> None:
        self.order("cancel")

    def decide(self, act: HeldAct) -> None:
        """Two people end a held payment."""
        held = self.dispatcher.rows(
            "SELECT payment_id FROM payment WHERE status = 'held' ORDER BY payment_id LIMIT 1"
        )
        for row in held:
            for person in ("anna", "adam"):
                with self.engine.begin() as connection:
                    order = Order(person, "we looked", approver=True)
                    commands.order_held(connection, row.payment_id, act, "", order)

    def close_held(self) -> None:
        self.decide("close")

    def look_up_held(self) -> None:
        self.decide("look-up")

    def take_statement(self) -> None:
        """A person asks for statements, and they are taken."""
        with self.engine.begin() as connection:
            statements.request_statements(connection, "anna", None)
        self.dispatcher.pass_time(60.0)
        self.dispatcher.taker.take()

    # --- ends ---

    def end_doubts(self) -> None:
        """Let time pass until no attempt is without an outcome; nothing new is sent."""
        for _ in range(3):
            self.prepare()
            self.dispatcher.pass_time(24 * HOUR_S)
            self.dispatcher.lookup.sweep()
            self.look_up()
            look_up_objects(self.engine, self.dispatcher.reader, self.timing)
        self.prepare()
        doubts = "SELECT 1 FROM payment WHERE status IN ('sending', 'in_doubt')"
        assert self.dispatcher.rows(doubts) == []

    def copy(self) -> None:
        """Copy every table, and forget which messages came before."""
        self.messages = []
        table_copies.copy_tables(self.owner)

    def restore(self) -> None:
        table_copies.restore_tables(self.owner)

    def forget_and_recover(self) -> None:
        """Restore the copy, and recover from the topics and the provider."""
        published, received = database_copies.messages(self.engine), self.messages
        self.restore()
        first = database_copies.quarantine_copy(self.engine, published)
        before_topics(self.engine, first)
        for message in received:
            message()
        after_topics(self.engine, self.dispatcher.reader, self.fast_timing, first, approvals())

    @property
    def fast_timing(self) -> Timing:
        """The waits of a recovery that does not wait."""
        return dataclasses.replace(self.timing, grace_s=0.0, lookup_every_s=0.0)


EVENTS: Final = (
    Life.announce,
    Life.prepare,
    Life.send,
    Life.send_and_lose,
    Life.send_and_fail_unexecuted,
    Life.send_and_fail_executed,
    Life.send_and_refuse_amount,
    Life.send_and_refuse_source,
    Life.send_and_not_find,
    Life.crash_after_lease,
    Life.pay,
    Life.fail_there,
    Life.pay_and_return,
    Life.ask_for_return,
    Life.hint,
    Life.look_up,
    Life.pause,
    Life.resume,
    Life.cancel,
    Life.close_held,
    Life.look_up_held,
    Life.take_statement,
)
