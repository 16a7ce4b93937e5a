"""A dispatcher whose database came back from a copy made in the middle of a batch: what it has forgotten is not paid again."""

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
from libs.common.contracts.events import PaidRow, PaymentApproved
from libs.common.database.engine import connect
from libs.common.recovery import restore
from libs.common.tests import database_copies
from libs.common.tests.database_copies import Copies
from services.dispatcher import commands, consumers
from services.dispatcher.commands import Order
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.reader import Reader
from services.dispatcher.recovery import provider_objects
from services.dispatcher.sending.provider_accounts import ObjectWork
from services.dispatcher.settings import FAST_TIMING
from services.dispatcher.store import payments
from services.dispatcher.tests.factories import (
    AT,
    INSTITUTION,
    SEALER,
    Simulator,
    World,
    batch,
    wait,
)
from services.dispatcher.tests.test_protocol import completed, paid_once

pytestmark = pytest.mark.database
COUNT = 120
QUICK = dataclasses.replace(FAST_TIMING, grace_s=0.5, lookup_every_s=0.2)


class Stage:
    """A dispatcher, a copy of its database from an earlier moment, and what of its messages reached the topics."""

    def __init__(self, admin_url: str, urls: tuple[str, str], folder: Path) -> None:
        self.folder, self.port, self.url = folder, free_ports(1)[0], urls[0]
        self.simulator = Simulator(folder, self.port)
        self.world = World(urls, self.simulator)
        self.copies = Copies(admin_url, urls[0])

    def halt(self) -> None:
        """The threads of the dispatcher end; the database stays."""
        self.world.end()
        assert not self.world.errors

    def go_on(self) -> None:
        self.world.engine = connect(self.url, "test", 16)
        self.world.stop, self.world.threads = threading.Event(), []
        self.world.start()

    def copy(self) -> str:
        """The database as it is, under another name."""
        return self.copies.make()

    def messages(self) -> list[Any]:
        """What the dispatcher said, oldest first."""
        return database_copies.messages(self.world.engine)

    def restore(self, name: str, reached: list[Any]) -> int:
        """Go on with the copy, held; of the forgotten messages only those that `reached` a topic come back. The first id above the copy's own."""
        self.url = self.copies.url(name)
        self.world.engine = connect(self.url, "test", 16)
        self.world.stop, self.world.threads = threading.Event(), []
        return database_copies.hold(self.world.engine, reached)

    def forget_keys(self) -> None:
        """A day goes by: the provider knows no idempotency key any more."""
        self.simulator.stop()
        with closing(sqlite3.connect(self.folder / "books.sqlite")) as books:
            books.execute("DELETE FROM answer")
            books.commit()
        self.simulator = self.world.simulator = Simulator(self.folder, self.port)
        self.world.provider.url = self.simulator.url

    def take_back(self, first: int) -> None:
        provider_objects.before(self.world.engine, first)
        reader = Reader(self.world.engine, self.world.provider, self.world.stop, lambda: None)
        provider_objects.after(self.world.engine, reader, QUICK, first)
        restore.mark_recovered(self.world.engine)

    def release(self) -> None:
        with self.world.engine.begin() as connection:
            assert restore.release(connection, "olga", "looked at", approver=False) == "proposed"
        with self.world.engine.begin() as connection:
            assert restore.release(connection, "anna", "looked at", approver=True) == "released"
            payments.engage_kill_switch(connection, False, "anna", "")

    def end(self) -> None:
        self.world.end()
        self.simulator.stop()
        self.copies.drop()


@pytest.fixture
def stage(
    postgres_url: str, make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[Stage]:
    made = Stage(postgres_url, make_database("dispatcher"), tmp_path)
    yield made
    made.end()
    assert not made.world.errors


def in_the_middle(stage: Stage) -> tuple[UUID, str, list[Any]]:
    """A batch; a copy of the database when some of it was paid; the messages when about half of it was. Its keys are forgotten."""
    batch_id = uuid4()
    batch(stage.world, batch_id, COUNT)
    stage.world.start()
    wait(lambda: len(stage.simulator.payments()) > 15, 30)
    stage.halt()
    name = stage.copy()
    known = len(stage.simulator.payments())
    stage.go_on()
    wait(lambda: len(stage.simulator.payments()) > known + 25, 30)
    stage.halt()
    said = stage.messages()
    assert COUNT > len(stage.simulator.payments()) > known + 25
    stage.forget_keys()
    return batch_id, name, said


@pytest.mark.parametrize(
    "unsaid", [0, 60, 100_000], ids=["all was said", "the last was not said", "nothing was said"]
)
def test_what_was_paid_since_the_copy_is_not_paid_again(stage: Stage, unsaid: int) -> None:
    batch_id, name, said = in_the_middle(stage)
    before = len(stage.simulator.payments())
    first = stage.restore(name, said[: -unsaid or None])
    stage.world.start()  # held: whatever runs, nothing is sent
    stage.world.stop.wait(1.0)
    assert len(stage.simulator.payments()) == before
    stage.world.end()
    stage.restore(name, [])
    stage.take_back(first)
    assert len(stage.simulator.payments()) == before
    stage.release()
    stage.world.start()
    wait(completed(stage.world, batch_id, COUNT), 60)
    paid_once(stage.world, batch_id, COUNT)
    versions: dict[str, list[int]] = {}
    for event in stage.world.said("payment-changed.v1"):
        versions.setdefault(event["payment_id"], []).append(event["version"])
    told = {
        (m.message_key, m.body)
        for m in said[: -unsaid or None]
        if m.message_type == "payment-changed.v1"
    }
    assert told <= {(m.message_key, m.body) for m in stage.messages()}, (
        "what was said is not said otherwise"
    )
    assert all(len(set(numbers)) == len(numbers) for numbers in versions.values())
    assert (
        stage.world.sql(
            "SELECT count(*) AS n FROM payment WHERE source_object IS NULL OR provider_id IS NULL"
        )[0].n
        == 0
    )


def test_a_forgotten_cancel_is_still_a_cancel(stage: Stage) -> None:
    batch_id, name, _ = in_the_middle(stage)
    stage.world.engine = connect(stage.url, "test", 16)
    with stage.world.engine.begin() as connection:
        assert commands.command(connection, batch_id, "cancel", Order("a", "enough")) == "cancelled"
    said = stage.messages()
    stage.world.engine.dispose()
    paid = len(stage.simulator.payments())
    first = stage.restore(name, said)
    stage.take_back(first)
    stage.release()
    stage.world.start()
    wait(
        lambda: (
            set(stage.world.statuses(batch_id)) == {"completed", "cancelled"} or stage.world.errors
        ),
        40,
    )
    assert stage.world.statuses(batch_id)["completed"] == len(stage.simulator.payments()) == paid


def engine_of(stage: Stage) -> None:
    """A dispatcher that does not run, to be looked at and changed."""
    stage.world.engine = connect(stage.url, "test", 4)


def test_a_message_that_is_redriven_after_the_restore_is_of_a_payment_sent_long_ago(
    stage: Stage,
) -> None:
    """In the copy it was a dead letter, so it does not come again by itself."""
    world, batch_id = stage.world, uuid4()
    batch(world, batch_id, 6)
    payment = world.sql("SELECT * FROM payment ORDER BY payment_id LIMIT 1")[0]
    rows = world.sql(
        "DELETE FROM payment_row WHERE payment_id = :id RETURNING *", id=payment.payment_id
    )
    world.sql("DELETE FROM payment WHERE payment_id = :id RETURNING 1", id=payment.payment_id)
    world.engine.dispose()
    name = stage.copy()
    engine_of(stage)
    message = PaymentApproved(
        event_id=uuid4(),
        occurred_at=AT,
        payment_id=payment.payment_id,
        batch_id=batch_id,
        digest=payment.digest,
        period="2026-11-20",
        amount_cents=payment.amount_cents,
        source_account_id=payment.source_account_id,
        account_index=payment.account_index,
        source_routing="1",
        source_last4="1",
        employee_id=payment.employee_id,
        person_index=payment.person_index,
        institution_id=payment.institution_id,
        loan_last4="1",
        loan_index=payment.loan_index,
        approved_by="someone",
        approved_at=AT,
        rows=tuple(
            PaidRow(
                row_id=r.row_id,
                root_row_id=r.root_row_id,
                file_row=1,
                branch_id="B",
                amount_cents=payment.amount_cents,
            )
            for r in rows
        ),
    )
    with world.engine.begin() as connection:
        consumers.payments(connection, [message])
    world.start()
    wait(completed(world, batch_id, 6), 60)
    with world.engine.begin() as connection:
        payments.set_state(connection, batch_id, "paused", "anna", "look")
    stage.halt()
    engine_of(stage)
    said = stage.messages()
    world.engine.dispose()
    stage.forget_keys()
    stage.take_back(stage.restore(name, said))
    stage.release()
    with world.engine.begin() as connection:
        consumers.payments(connection, [message])
        commands.command(connection, batch_id, "resume", Order("anna", "go on"))
    assert world.statuses(batch_id) == {"completed": 6}
    world.start()
    world.stop.wait(3)
    paid_once(world, batch_id, 6)


def test_who_decided_about_a_held_payment_cannot_close_what_was_sent_since(stage: Stage) -> None:
    world, batch_id = stage.world, uuid4()
    batch(world, batch_id, 2)
    world.start()
    wait(completed(world, batch_id, 2), 60)
    stage.halt()
    engine_of(stage)
    payment = world.sql("SELECT * FROM payment ORDER BY payment_id LIMIT 1")[0]
    world.sql("DELETE FROM attempt WHERE subject_id = :id RETURNING 1", id=payment.payment_id)
    world.sql(
        """UPDATE payment SET status = 'held', provider_id = NULL, provider_status = '', version = 2, reason_code = 'held_absent'
                 WHERE payment_id = :id RETURNING 1""",
        id=payment.payment_id,
    )
    world.engine.dispose()
    stage.take_back(stage.restore(stage.copy(), []))
    stage.release()
    with (
        world.engine.begin() as connection,
        pytest.raises(commands.Refused, match="cannot be closed as not sent"),
    ):
        commands.held(
            connection, payment.payment_id, "close", "", Order("olga", "not there", approver=True)
        )
    for person in ("olga", "anna"):
        with world.engine.begin() as connection:
            commands.held(
                connection,
                payment.payment_id,
                "look-up",
                "",
                Order(person, "look again", approver=True),
            )
    world.start()
    wait(completed(world, batch_id, 2), 40)


def test_a_person_whose_making_was_under_way_goes_on_from_what_the_provider_has(
    stage: Stage,
) -> None:
    world = stage.world
    batch(world, uuid4(), 5)
    reader = Reader(world.engine, world.provider, world.stop, lambda: None)
    Provisioner(world.engine, reader).prepare()
    work = ObjectWork(FAST_TIMING, SEALER, "2025-07-04", lambda: None)
    with world.engine.begin() as connection:
        work.claim(connection, 10)  # the copy: the intents are written, no answer is there
    person = world.sql("SELECT * FROM object WHERE kind = 'individual'")[0]
    provider_objects.Accounts(world.engine, reader, None)._bind(
        [
            {
                "id": "ent_1",
                "status": "incomplete",
                "metadata": {"object_id": str(person.object_id), "attempt": "1"},
            }
        ]
    )
    with world.engine.begin() as connection:
        calls = work.claim(connection, 10)
    assert [(call.n, call.path) for call in calls if call.subject_id == person.object_id] == [
        (2, "/entities/ent_1/verification_sessions")
    ]


def test_a_payment_whose_institution_has_no_merchant_any_more_is_followed_all_the_same(
    stage: Stage,
) -> None:
    world, batch_id = stage.world, uuid4()
    world.engine.dispose()
    name = stage.copy()
    engine_of(stage)
    batch(world, batch_id, 4)
    world.start()
    wait(completed(world, batch_id, 4), 60)
    stage.halt()
    engine_of(stage)
    said = [message for message in stage.messages() if '"status":"completed"' not in message.body]
    world.engine.dispose()
    first = stage.restore(name, said)
    batch(world, batch_id, 4)  # it is read again from the topics
    world.sql(
        "INSERT INTO merchant (institution_id, merchant_id, reason) VALUES (:id, '', 'no_merchant') RETURNING 1",
        id=INSTITUTION,
    )
    stage.take_back(first)
    stage.release()
    world.start()
    wait(completed(world, batch_id, 4), 40)
    paid_once(world, batch_id, 4)
