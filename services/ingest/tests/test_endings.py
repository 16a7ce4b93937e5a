"""How a batch ends without a person: it expires, it is archived, and a late return brings it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest import app
from services.ingest.store import batches
from services.ingest.tests.harness import World

pytestmark = pytest.mark.database


def claims(world: World, batch: Any) -> int:
    with world.engine.connect() as connection:
        return int(
            run(
                connection, "SELECT count(*) FROM claim WHERE batch_id = :id", id=batch["batch_id"]
            ).scalar_one()
        )


def test_a_batch_nobody_approves_expires(world: World, xml: bytes) -> None:
    ready = world.ready(xml)
    with world.engine.begin() as connection:
        assert (
            batches.expire(connection, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
            == []
        )
        run(
            connection,
            "UPDATE batch SET ready_at = now() - interval '31 days' WHERE batch_id = :id",
            id=ready["batch_id"],
        )
    app.tidy(world.engine, world.folder, 30, 90)
    expired = world.batch(ready["batch_id"])
    assert (expired["status"], expired["reason"]) == (
        "expired",
        "nobody approved it within 30 days",
    )
    assert world.published(ready["batch_id"], BatchChanged)[-1].status == "expired"
    assert claims(world, ready) == 0
    assert world.approve(ready).status_code == 409
    assert world.upload(xml).status_code == 202
    world.read_all()


@pytest.mark.parametrize("outcome", ["completed", "completed_with_failures"])
def test_an_ended_batch_is_archived_after_its_days_and_a_late_return_brings_it_back(
    world: World, xml: bytes, outcome: str
) -> None:
    ready = world.ready(xml)
    assert world.approve(ready).status_code == 200

    def status_after(days: int) -> str:
        with world.engine.begin() as connection:
            run(
                connection,
                "UPDATE batch SET ended_at = ended_at - make_interval(days => :days) WHERE batch_id = :id",
                id=ready["batch_id"],
                days=days,
            )
        app.tidy(world.engine, world.folder, 30, 90)
        return str(world.batch(ready["batch_id"])["status"])

    assert status_after(365) == "approved"
    world.certify(ready, outcome)
    assert [status_after(89), status_after(2)] == [outcome, "archived"]
    assert world.upload(xml).status_code == 409, (
        "an archived batch is still the one with these bytes"
    )
    returned = world.payments(ready)[0]
    world.end(ready, [returned], "reversed", "reverse")
    world.certify(ready, "completed_with_failures", 2)
    assert [status_after(0), status_after(89), status_after(2)] == [
        "completed_with_failures",
        "completed_with_failures",
        "archived",
    ]
    told = [event.status for event in world.published(ready["batch_id"], BatchChanged)]
    assert told[-4:] == [outcome, "archived", "completed_with_failures", "archived"]


def test_a_cancelled_batch_is_not_archived(world: World, xml: bytes) -> None:
    ready = world.ready(xml)
    assert world.approve(ready).status_code == 200
    world.certify(ready, "cancelled")
    with world.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch SET ended_at = ended_at - interval '999 days' WHERE batch_id = :id",
            id=ready["batch_id"],
        )
    app.tidy(world.engine, world.folder, 30, 90)
    assert world.batch(ready["batch_id"])["status"] == "cancelled"


def test_a_rejected_message_about_a_batch_bars_its_end_until_somebody_has_redriven_it(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    assert world.approve(ready).status_code == 200
    with world.engine.begin() as connection:
        run(
            connection,
            """INSERT INTO dead_letter (consumer, topic, partition, message_offset, correlation, body, code, reason)
                           VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')""",
            b=ready["batch_id"],
        )
    world.certify(ready, "completed")
    app.tidy(world.engine, world.folder, 30, 90)
    assert world.batch(ready["batch_id"])["status"] == "approved"
    with world.engine.begin() as connection:
        run(connection, "UPDATE dead_letter SET redriven_at = now()")
    app.tidy(world.engine, world.folder, 30, 90)
    assert world.batch(ready["batch_id"])["status"] == "completed"
    published = len(world.published(ready["batch_id"], BatchChanged))
    app.tidy(world.engine, world.folder, 30, 90)
    assert len(world.published(ready["batch_id"], BatchChanged)) == published


def test_the_people_of_a_batch_are_found_by_its_id_as_text_and_nobody_for_a_stranger(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    with world.engine.connect() as connection:
        assert batches.ineligible_approvers(connection, ready["batch_id"]) == {"paula"}
        assert batches.ineligible_approvers(connection, "no id at all") == frozenset()
