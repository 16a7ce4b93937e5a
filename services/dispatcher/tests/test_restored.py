"""A dispatcher whose database came back from a copy made in the middle of a batch: what it has forgotten is not paid again."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, make_url

from libs.common import restored
from libs.common.database import connect, run
from services.dispatcher import commands, store, taking_back
from services.dispatcher.commands import Order
from services.dispatcher.reading import Reader
from services.dispatcher.settings import HASTY
from services.dispatcher.tests.test_protocol import completed, paid_once
from services.dispatcher.tests.world import Simulator, World, batch, wait
from tools.ports import free_ports

pytestmark = pytest.mark.database
COUNT = 120


class Stage:
    """A dispatcher, a copy of its database from an earlier moment, and what of its messages reached the topics."""

    def __init__(self, admin_url: str, urls: tuple[str, str], folder: Path) -> None:
        self.folder, self.port, self.urls = folder, free_ports(1)[0], urls
        self.simulator = Simulator(folder, self.port)
        self.world = World(urls, self.simulator)
        self.admin = create_engine(admin_url, isolation_level="AUTOCOMMIT")
        self.copies: list[str] = []

    def halt(self) -> None:
        """The threads of the dispatcher end; the database stays."""
        self.world.end()
        assert not self.world.errors

    def go_on(self) -> None:
        self.world.engine = connect(self.urls[0], "test", 16)
        self.world.stop, self.world.threads = threading.Event(), []
        self.world.start()

    def copy(self) -> str:
        """The database as it is, under another name."""
        name, original = f"copy_{uuid4().hex[:10]}", make_url(self.urls[0]).database
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE {name} TEMPLATE "{original}"')
            connection.exec_driver_sql(f'GRANT CONNECT, TEMPORARY ON DATABASE {name} TO "{make_url(self.urls[0]).username}"')
        self.copies.append(name)
        return name

    def messages(self) -> list[Any]:
        """What the dispatcher said, oldest first."""
        return self.world.sql("SELECT event_id, topic, message_key, message_type, correlation, body FROM outbox ORDER BY id")

    def restore(self, name: str, reached: list[Any]) -> int:
        """Go on with the copy, held; of the forgotten messages only those that `reached` a topic come back. The first id above the copy's own."""
        self.urls = tuple(make_url(url).set(database=name).render_as_string(hide_password=False) for url in self.urls)  # type: ignore[assignment]
        self.world.engine = connect(self.urls[0], "test", 16)
        self.world.stop, self.world.threads = threading.Event(), []
        with self.world.engine.begin() as connection:
            restored.hold(connection, "a test")
            hold = restored.held(connection)
            assert hold is not None
            for message in reached:
                run(connection, """INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body, published_at)
                                   VALUES (:event_id, :topic, :message_key, :message_type, :correlation, :body, now()) ON CONFLICT DO NOTHING""",
                    **dict(message._mapping))
            return int(hold.first_outbox_id)

    def forget_keys(self) -> None:
        """A day goes by: the provider knows no idempotency key any more."""
        self.simulator.stop()
        with closing(sqlite3.connect(self.folder / "books.sqlite")) as books:
            books.execute("DELETE FROM answer")
            books.commit()
        self.simulator = self.world.simulator = Simulator(self.folder, self.port)
        self.world.provider.url = self.simulator.url

    def take_back(self, first: int) -> None:
        taking_back.before(self.world.engine, first)
        reader = Reader(self.world.engine, self.world.provider, self.world.stop, lambda: None)
        taking_back.after(self.world.engine, reader, HASTY, first)
        restored.settle(self.world.engine)

    def release(self) -> None:
        with self.world.engine.begin() as connection:
            assert restored.release(connection, "olga", "looked at", approver=False) == "proposed"
        with self.world.engine.begin() as connection:
            assert restored.release(connection, "anna", "looked at", approver=True) == "released"
            store.engage_kill_switch(connection, False, "anna", "")

    def end(self) -> None:
        self.world.end()
        self.simulator.stop()
        with self.admin.connect() as connection:
            for name in self.copies:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self.admin.dispose()


@pytest.fixture
def stage(postgres_url: str, make_database: Callable[[str], tuple[str, str]], tmp_path: Path) -> Iterator[Stage]:
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


@pytest.mark.parametrize("unsaid", [0, 60, 100_000], ids=["all was said", "the last was not said", "nothing was said"])
def test_what_was_paid_since_the_copy_is_not_paid_again(stage: Stage, unsaid: int) -> None:
    batch_id, name, said = in_the_middle(stage)
    before = len(stage.simulator.payments())
    first = stage.restore(name, said[:-unsaid or None])
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
    told = {(m.message_key, m.body) for m in said[:-unsaid or None] if m.message_type == "payment-changed.v1"}
    assert told <= {(m.message_key, m.body) for m in stage.messages()}, "what was said is not said otherwise"
    assert all(len(set(numbers)) == len(numbers) for numbers in versions.values())
    assert stage.world.sql("SELECT count(*) AS n FROM payment WHERE source_object IS NULL OR provider_id IS NULL")[0].n == 0


def test_a_forgotten_cancel_is_still_a_cancel(stage: Stage) -> None:
    batch_id, name, _ = in_the_middle(stage)
    stage.world.engine = connect(stage.urls[0], "test", 16)
    with stage.world.engine.begin() as connection:
        assert commands.command(connection, batch_id, "cancel", Order("a", "enough")) == "cancelled"
    said = stage.messages()
    stage.world.engine.dispose()
    paid = len(stage.simulator.payments())
    first = stage.restore(name, said)
    stage.take_back(first)
    stage.release()
    stage.world.start()
    wait(lambda: set(stage.world.statuses(batch_id)) == {"completed", "cancelled"} or stage.world.errors, 40)
    assert stage.world.statuses(batch_id)["completed"] == len(stage.simulator.payments()) == paid
