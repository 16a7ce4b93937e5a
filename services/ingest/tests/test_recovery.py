"""An ingest whose database came back from a copy: what was approved since stays approved and claimed, what was not is looked at again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from libs.common.database.migrate import upgrade
from libs.common.recovery import restore
from libs.common.tests import database_copies
from libs.common.tests.database_copies import Copies
from services.ingest import recovery
from services.ingest.app import MIGRATIONS
from services.ingest.tests.harness import World, next_period, spaced
from services.ingest.tests.test_approvals import city

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


class Past:
    """Copies of a database, and a way back to one."""

    def __init__(self, admin_url: str, urls: tuple[str, str], folder: Path) -> None:
        upgrade(urls[1], MIGRATIONS)
        self.copies, self.folder = Copies(admin_url, urls[0]), folder
        self.world = World.make(urls[0], folder)

    def copy(self) -> str:
        self.world.engine.dispose()
        return self.copies.make()

    def back(self, name: str, lost: int = 0) -> World:
        """The world on that copy, held, with its own messages taken back, but for the last `lost` that never left the outbox."""
        said = database_copies.messages(self.world.engine)
        self.world.engine.dispose()
        self.world = World.make(self.copies.url(name), self.folder)
        first = database_copies.quarantine_copy(self.world.engine, said[: -lost or None])
        for _ in range(2):  # a crash between may repeat it
            recovery.take_back(self.world.engine, self.world.secrets, first)
        return self.world

    def end(self) -> None:
        self.world.engine.dispose()
        self.copies.drop()


@pytest.fixture
def past(
    postgres_url: str, make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[Past]:
    made = Past(postgres_url, make_database("ingest"), tmp_path)
    yield made
    made.end()


def told(world: World, batch: Any) -> BatchChanged:
    last: BatchChanged = max(
        world.published(batch["batch_id"], BatchChanged), key=lambda b: b.version
    )
    return last


SAME = (
    "status",
    "digest",
    "rows",
    "amount_cents",
    "approved_by",
    "approved_at",
    "period",
    "family_id",
    "filename",
)


@pytest.mark.parametrize("knows", ["nothing", "ready"])
@pytest.mark.parametrize("lost", [0, 7], ids=["all was said", "some payments were not said"])
def test_what_was_approved_since_the_copy_cannot_be_approved_again(
    past: Past, xml: bytes, knows: str, lost: int
) -> None:
    name = past.copy() if knows == "nothing" else ""
    ready = past.world.ready(xml)
    name = name or past.copy()
    assert past.world.approve(ready).status_code == 200
    was, payments = past.world.batch(ready["batch_id"]), past.world.payments(ready)
    messages = {p.event_id: p for p in past.world.published(ready["batch_id"], PaymentApproved)}
    people = {row["row_id"]: row for row in past.world.rows(ready)}
    world = past.back(name, lost)
    now = world.batch(ready["batch_id"])
    assert {name: now[name] for name in SAME} == {name: was[name] for name in SAME}
    assert world.payments(ready) == payments
    assert {
        p.event_id: p.model_copy(update={"occurred_at": None})
        for p in world.published(ready["batch_id"], PaymentApproved)
    } == {i: p.model_copy(update={"occurred_at": None}) for i, p in messages.items()}, (
        "those that were not said are said"
    )
    kept = {row["row_id"]: row for row in world.rows(ready)}
    assert [
        (r["status"], r["payment_id"], r["amount_cents"], r["last_name"]) for r in kept.values()
    ] == [
        (
            people[i]["status"],
            people[i]["payment_id"],
            people[i]["amount_cents"],
            people[i]["last_name"],
        )
        for i in kept
    ]
    assert world.upload(xml).status_code == 409, "the same bytes"
    again = world.ready(spaced(xml), period=ready["period"])
    assert (again["rows"]["payable"], again["rows"]["excluded"]) == (0, ready["rows"]["payable"])
    world.end(ready, payments[:3])
    assert world.child(ready, filter={"status": "failed"}).status_code == 202, "and it goes on"


def test_what_was_freed_and_approved_again_stays_with_the_later_one(past: Past, xml: bytes) -> None:
    name = past.copy()
    first = past.world.ready(xml)
    assert past.world.approve(first).status_code == 200
    payments = past.world.payments(first)
    past.world.end(first, payments[:4])
    child = past.world.check(
        past.world.child(first, filter={"status": "failed"}).json()["batch_id"]
    )
    assert past.world.approve(child).status_code == 200
    cancelled = past.world.payments(first)[4:6]
    past.world.end(first, cancelled, "cancelled")
    second = past.world.ready(spaced(xml), period=first["period"])
    assert past.world.approve(second).status_code == 200
    rows, claims = (
        past.world.payments(second),
        [past.world.live_claims(first), past.world.live_claims(second)],
    )
    world = past.back(name)
    assert (world.payments(second), [world.live_claims(first), world.live_claims(second)]) == (
        rows,
        claims,
    )
    world.end(first, [*payments[:4], *cancelled])  # what the ledger said comes again
    third = world.ready(spaced(spaced(xml)), period=first["period"])
    assert third["rows"]["payable"] == 0


def test_an_approved_batch_whose_rows_are_not_all_on_the_topic_is_for_a_person(
    past: Past, xml: bytes
) -> None:
    name = past.copy()
    assert past.world.approve(past.world.ready(xml)).status_code == 200
    with past.world.engine.begin() as connection:
        run(
            connection,
            "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE message_type = :type)",
            type=RowRead.name(),
        )
    with pytest.raises(restore.RecoveryBlocked, match="only 19 of its 20 rows"):
        past.back(name)


def test_what_was_not_approved_is_checked_again_or_discarded(past: Past, make_xml: MakeXml) -> None:
    known = past.world.ready(make_xml(8))
    gone = past.world.ready(make_xml(6))
    name = past.copy()
    change = {
        "source_account_id": known["sources"][0]["source_account_id"],
        "field": "city",
        "from": city(past.world, known),
        "to": "Ames",
    }
    assert (
        past.world.call(
            "POST",
            f"/batches/{known['batch_id']}/corrections",
            "maria",
            json={"corrections": [change]},
        ).status_code
        == 200
    )
    past.world.check(known["batch_id"])
    assert past.world.discard(gone).status_code == 200
    unknown_xml = make_xml(5)
    unknown = past.world.ready(unknown_xml)
    before = told(past.world, known)
    world = past.back(name)
    assert world.batch(known["batch_id"])["status"] == "checking"
    assert told(world, known).version == before.version + 1
    assert told(world, known).revision == before.revision + 1
    settled = world.check(known["batch_id"])
    assert settled["status"] == "ready"
    assert world.approve(settled, "maria").json()["code"] == "approval.same-person", (
        "she corrected it, though the correction is forgotten"
    )
    assert world.approve(settled).status_code == 200
    assert world.batch(gone["batch_id"])["status"] == "discarded"
    assert world.batch(unknown["batch_id"])["status"] == "discarded"
    assert told(world, unknown).status == "discarded"
    fresh = world.ready(unknown_xml, period=next_period(unknown))
    assert fresh["rows"]["payable"] == unknown["rows"]["payable"]
    assert UUID(fresh["batch_id"]) != UUID(unknown["batch_id"])


def test_a_copy_made_while_a_file_was_read(past: Past, xml: bytes) -> None:
    batch_id = past.world.upload(xml).json()["batch_id"]
    name = past.copy()
    past.world.read_all()
    ready = past.world.check(batch_id)
    assert past.world.approve(ready).status_code == 200
    payments = past.world.payments(ready)
    world = past.back(name)
    assert (world.batch(batch_id)["status"], world.payments(ready)) == ("approved", payments)


def test_rows_that_were_said_under_a_revision_the_batch_did_not_reach_are_said_again_under_a_later_one(
    past: Past, xml: bytes
) -> None:
    batch_id = past.world.upload(xml).json()["batch_id"]
    past.world.read_all()
    name = past.copy()
    past.world.check(batch_id)
    world = past.back(name, 1)  # the batch's own message, `ready`, is the last one
    assert world.batch(batch_id)["status"] == "checking"
    assert world.check(batch_id)["status"] == "ready"
    assert {row.revision for row in world.published(batch_id, RowRead)} >= {1}
    assert world.approve(world.batch(batch_id)).status_code == 200
