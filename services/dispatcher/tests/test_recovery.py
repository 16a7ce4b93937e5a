"""A dispatcher whose database was restored from a backup made in the middle of a batch.

What it has forgotten is not paid again.
"""

import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from devtools.stack.ports import free_ports
from libs.common.contracts.events.payments import PaidRow, PaymentApproved
from libs.common.database.engine import connect
from libs.common.recovery import quarantine
from libs.common.tests import database_copies
from libs.common.tests.database_copies import Copies
from services.dispatcher import commands, consumers
from services.dispatcher.commands import Order
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.clocks import Clocks
from services.dispatcher.provider.reader import Reader
from services.dispatcher.recovery.provider_objects import ObjectRecovery
from services.dispatcher.recovery.steps import after_topics, before_topics
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.settings import FAST_TIMING
from services.dispatcher.store import kill_switch, merchants
from services.dispatcher.tests.factories import (
    AT,
    CIPHER,
    INSTITUTION,
    PERIOD,
    announce_batch,
    approvals,
)
from services.dispatcher.tests.running import (
    VERSION,
    RunningDispatcher,
    SimulatorProcess,
    wait_until,
)
from services.dispatcher.tests.test_protocol import completed, paid_once

pytestmark = pytest.mark.database
COUNT = 120
QUICK = dataclasses.replace(FAST_TIMING, grace_s=0.5, lookup_every_s=0.2)


class Scenario:
    """A running dispatcher, copies of its database, and what it published."""

    def __init__(self, admin_url: str, urls: tuple[str, str], folder: Path) -> None:
        self.folder, self.port, self.url = folder, free_ports(1)[0], urls[0]
        self.simulator = SimulatorProcess(folder, self.port)
        self.dispatcher = RunningDispatcher(urls, self.simulator)
        self.copies = Copies(admin_url, urls[0])

    def halt(self) -> None:
        """End the threads of the dispatcher; the database stays."""
        self.dispatcher.end()
        assert not self.dispatcher.errors

    def open_engine(self) -> None:
        """Connect a dispatcher that does not run, to be looked at and changed."""
        self.dispatcher.engine = connect(self.url, "test", 16)

    def go_on(self) -> None:
        self._reset()
        self.dispatcher.start()

    def _reset(self) -> None:
        self.open_engine()
        self.dispatcher.stop, self.dispatcher.threads = threading.Event(), []

    def copy(self) -> str:
        """Copy the database as it is; return the copy's name."""
        return self.copies.make()

    def messages(self) -> list[Any]:
        """What the dispatcher published, oldest first."""
        return database_copies.messages(self.dispatcher.engine)

    def restore(self, name: str, reached: list[Any]) -> int:
        """Go on with a quarantined copy; return the first outbox id above the copy's own.

        Of the forgotten messages only those that `reached` a topic come back.
        """
        self.url = self.copies.url(name)
        self._reset()
        return database_copies.quarantine_copy(self.dispatcher.engine, reached)

    def forget_keys(self) -> None:
        """Let a day go by: the provider knows no idempotency key any more."""
        self.simulator.stop()
        with closing(sqlite3.connect(self.folder / "books.sqlite")) as books:
            books.execute("DELETE FROM answer")
            books.commit()
        self.simulator = SimulatorProcess(self.folder, self.port)
        self.dispatcher.simulator = self.simulator
        self.dispatcher.provider.url = self.simulator.url

    def recover(self, first: int) -> None:
        engine = self.dispatcher.engine
        before_topics(engine, first)
        reader = Reader(engine, self.dispatcher.provider, self.dispatcher.stop, lambda: None)
        after_topics(engine, reader, QUICK, first, approvals())
        quarantine.mark_recovered(engine)

    def release(self) -> None:
        with self.dispatcher.engine.begin() as connection:
            assert quarantine.release(connection, "olga", "looked at", approver=False) == "proposed"
        with self.dispatcher.engine.begin() as connection:
            assert quarantine.release(connection, "anna", "looked at", approver=True) == "released"
            kill_switch.engage(connection, False, "anna", "")

    def end(self) -> None:
        self.dispatcher.end()
        self.simulator.stop()
        self.copies.drop()


@pytest.fixture
def scenario(
    postgres_url: str, make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[Scenario]:
    made = Scenario(postgres_url, make_database("dispatcher"), tmp_path)
    yield made
    made.end()
    assert not made.dispatcher.errors


def in_the_middle(scenario: Scenario) -> tuple[UUID, str, list[Any]]:
    """A batch that is half paid: (its id, a copy from when less was paid, the messages so far).

    The provider has forgotten its keys.
    """
    batch_id = uuid4()
    announce_batch(scenario.dispatcher.engine, batch_id, COUNT)
    scenario.dispatcher.start()
    wait_until(lambda: len(scenario.simulator.payments()) > 15, 30)
    scenario.halt()
    name = scenario.copy()
    known = len(scenario.simulator.payments())
    scenario.go_on()
    wait_until(lambda: len(scenario.simulator.payments()) > known + 25, 30)
    scenario.halt()
    published = scenario.messages()
    assert COUNT > len(scenario.simulator.payments()) > known + 25
    scenario.forget_keys()
    return batch_id, name, published


@pytest.mark.parametrize(
    "unpublished",
    [0, 60, 100_000],
    ids=["all was published", "the last was not published", "nothing was published"],
)
def test_what_was_paid_since_the_copy_is_not_paid_again(
    scenario: Scenario, unpublished: int
) -> None:
    batch_id, name, messages = in_the_middle(scenario)
    reached = messages[: -unpublished or None]
    before = len(scenario.simulator.payments())
    first = scenario.restore(name, reached)
    scenario.dispatcher.start()  # in quarantine: whatever runs, nothing is sent
    scenario.dispatcher.stop.wait(1.0)
    assert len(scenario.simulator.payments()) == before
    scenario.dispatcher.end()
    scenario.restore(name, [])
    scenario.recover(first)
    assert len(scenario.simulator.payments()) == before
    scenario.release()
    scenario.dispatcher.start()
    wait_until(completed(scenario.dispatcher, batch_id, COUNT), 60)
    paid_once(scenario.dispatcher, batch_id, COUNT)
    versions: dict[str, list[int]] = {}
    for event in scenario.dispatcher.published("payment-changed.v1"):
        versions.setdefault(event["payment_id"], []).append(event["version"])
    changes = {(m.message_key, m.body) for m in reached if m.message_type == "payment-changed.v1"}
    assert changes <= {(m.message_key, m.body) for m in scenario.messages()}, (
        "what was published is not published otherwise"
    )
    assert all(len(set(numbers)) == len(numbers) for numbers in versions.values())
    unbound = scenario.dispatcher.sql(
        "SELECT 1 FROM payment WHERE source_object IS NULL OR provider_id IS NULL"
    )
    assert unbound == []


def test_a_forgotten_cancel_is_still_a_cancel(scenario: Scenario) -> None:
    batch_id, name, _ = in_the_middle(scenario)
    scenario.open_engine()
    with scenario.dispatcher.engine.begin() as connection:
        order = Order("a", "enough")
        assert commands.order_batch(connection, batch_id, "cancel", order) == "cancelled"
    messages = scenario.messages()
    scenario.dispatcher.engine.dispose()
    paid = len(scenario.simulator.payments())
    scenario.recover(scenario.restore(name, messages))
    scenario.release()
    scenario.dispatcher.start()
    wait_until(
        lambda: (
            set(scenario.dispatcher.statuses(batch_id)) == {"completed", "cancelled"}
            or scenario.dispatcher.errors
        ),
        40,
    )
    assert (
        scenario.dispatcher.statuses(batch_id)["completed"]
        == len(scenario.simulator.payments())
        == paid
    )


def approval_of(payment: Any, rows: list[Any]) -> PaymentApproved:
    """The message that brought a payment and its rows."""
    parts = [
        PaidRow(
            row_id=row.row_id,
            root_row_id=row.root_row_id,
            file_row=1,
            branch_id="B",
            amount_cents=payment.amount_cents,
        )
        for row in rows
    ]
    copied = (
        "payment_id",
        "batch_id",
        "digest",
        "amount_cents",
        "source_account_id",
        "account_index",
        "employee_id",
        "person_index",
        "institution_id",
        "loan_index",
    )
    return PaymentApproved(
        event_id=uuid4(),
        occurred_at=AT,
        period=PERIOD,
        source_routing="1",
        source_last4="1",
        loan_last4="1",
        approved_by="someone",
        approved_at=AT,
        rows=tuple(parts),
        **{name: getattr(payment, name) for name in copied},
    )


def test_a_message_that_is_redriven_after_the_restore_is_of_a_payment_sent_long_ago(
    scenario: Scenario,
) -> None:
    """In the copy it was a dead letter, so it does not come again by itself."""
    dispatcher, batch_id = scenario.dispatcher, uuid4()
    announce_batch(dispatcher.engine, batch_id, 6)
    payment = dispatcher.sql("SELECT * FROM payment ORDER BY payment_id LIMIT 1")[0]
    rows = dispatcher.sql(
        "DELETE FROM payment_row WHERE payment_id = :id RETURNING *", id=payment.payment_id
    )
    dispatcher.sql("DELETE FROM payment WHERE payment_id = :id RETURNING 1", id=payment.payment_id)
    dispatcher.engine.dispose()
    name = scenario.copy()
    scenario.open_engine()
    message = approval_of(payment, rows)
    with dispatcher.engine.begin() as connection:
        consumers.payments(connection, [message])
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, 6), 60)
    with dispatcher.engine.begin() as connection:
        commands.order_batch(connection, batch_id, "pause", Order("anna", "look"))
    scenario.halt()
    scenario.open_engine()
    messages = scenario.messages()
    dispatcher.engine.dispose()
    scenario.forget_keys()
    scenario.recover(scenario.restore(name, messages))
    scenario.release()
    with dispatcher.engine.begin() as connection:
        consumers.payments(connection, [message])
        commands.order_batch(connection, batch_id, "resume", Order("anna", "go on"))
    assert dispatcher.statuses(batch_id) == {"completed": 6}
    dispatcher.start()
    dispatcher.stop.wait(3)
    paid_once(dispatcher, batch_id, 6)


def test_who_decided_about_a_held_payment_cannot_close_what_was_sent_since(
    scenario: Scenario,
) -> None:
    dispatcher, batch_id = scenario.dispatcher, uuid4()
    announce_batch(dispatcher.engine, batch_id, 2)
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, 2), 60)
    scenario.halt()
    scenario.open_engine()
    payment = dispatcher.sql("SELECT * FROM payment ORDER BY payment_id LIMIT 1")[0]
    dispatcher.sql("DELETE FROM attempt WHERE subject_id = :id RETURNING 1", id=payment.payment_id)
    dispatcher.sql(
        """
        UPDATE payment
        SET status = 'held', provider_id = NULL, provider_status = '', version = 2,
            reason_code = 'held_absent'
        WHERE payment_id = :id
        RETURNING 1""",
        id=payment.payment_id,
    )
    dispatcher.engine.dispose()
    scenario.recover(scenario.restore(scenario.copy(), []))
    scenario.release()
    with (
        dispatcher.engine.begin() as connection,
        pytest.raises(commands.Refused, match="cannot be closed as not sent"),
    ):
        commands.order_held(
            connection, payment.payment_id, "close", "", Order("olga", "not there", approver=True)
        )
    for person in ("olga", "anna"):
        with dispatcher.engine.begin() as connection:
            commands.order_held(
                connection,
                payment.payment_id,
                "look-up",
                "",
                Order(person, "look again", approver=True),
            )
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, 2), 40)


def test_a_person_whose_creation_was_under_way_goes_on_from_what_the_provider_has(
    scenario: Scenario,
) -> None:
    dispatcher = scenario.dispatcher
    announce_batch(dispatcher.engine, uuid4(), 5)
    reader = Reader(dispatcher.engine, dispatcher.provider, dispatcher.stop, lambda: None)
    Provisioner(dispatcher.engine, reader).insert_objects()
    sender = ProviderObjectSender(FAST_TIMING, CIPHER, VERSION, Clocks())
    with dispatcher.engine.begin() as connection:
        sender.lease_calls(connection, 10)  # the copy: intents are written, no answer is there
    person = dispatcher.sql("SELECT * FROM object WHERE kind = 'individual'")[0]
    ObjectRecovery(dispatcher.engine, reader, None).bind(
        [
            {
                "id": "ent_1",
                "status": "incomplete",
                "metadata": {"object_id": str(person.object_id), "attempt": "1"},
            }
        ]
    )
    with dispatcher.engine.begin() as connection:
        calls = sender.lease_calls(connection, 10)
    assert [(call.n, call.path) for call in calls if call.subject_id == person.object_id] == [
        (2, "/entities/ent_1/verification_sessions")
    ]


def test_a_payment_whose_institution_has_no_merchant_any_more_is_followed_all_the_same(
    scenario: Scenario,
) -> None:
    dispatcher, batch_id = scenario.dispatcher, uuid4()
    dispatcher.engine.dispose()
    name = scenario.copy()
    scenario.open_engine()
    announce_batch(dispatcher.engine, batch_id, 4)
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, 4), 60)
    scenario.halt()
    scenario.open_engine()
    reached = [m for m in scenario.messages() if '"status":"completed"' not in m.body]
    dispatcher.engine.dispose()
    first = scenario.restore(name, reached)
    announce_batch(dispatcher.engine, batch_id, 4)  # it is read again from the topics
    with dispatcher.engine.begin() as connection:
        merchants.upsert_merchant(connection, INSTITUTION, "", "no_merchant")
    scenario.recover(first)
    scenario.release()
    dispatcher.start()
    wait_until(completed(dispatcher, batch_id, 4), 40)
    paid_once(dispatcher, batch_id, 4)
