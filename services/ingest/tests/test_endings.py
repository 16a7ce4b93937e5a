"""How batches end without a person: they expire or are archived; a late return reopens them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest import housekeeping
from services.ingest.housekeeping import run_housekeeping
from services.ingest.store import batches
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def claims(ingest: IngestHarness, batch: Any) -> int:
    with ingest.engine.connect() as connection:
        return int(
            run(
                connection, "SELECT count(*) FROM claim WHERE batch_id = :id", id=batch["batch_id"]
            ).scalar_one()
        )


def test_a_batch_nobody_approves_expires(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    with ingest.engine.begin() as connection:
        assert (
            housekeeping.expire_batches(
                connection, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC), 30
            )
            == []
        )
        run(
            connection,
            "UPDATE batch SET ready_at = now() - interval '31 days' WHERE batch_id = :id",
            id=ready["batch_id"],
        )
    run_housekeeping(ingest.engine, ingest.folder, 30, 90)
    expired = ingest.batch(ready["batch_id"])
    assert (expired["status"], expired["reason"]) == (
        "expired",
        "nobody approved it within 30 days",
    )
    assert ingest.published(ready["batch_id"], BatchChanged)[-1].status == "expired"
    assert claims(ingest, ready) == 0
    assert ingest.approve(ready).status_code == 409
    assert ingest.upload(xml).status_code == 202
    ingest.read_all()


@pytest.mark.parametrize("outcome", ["completed", "completed_with_failures"])
def test_an_ended_batch_is_archived_after_its_days_and_a_late_return_brings_it_back(
    ingest: IngestHarness, xml: bytes, outcome: str
) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200

    def status_after(days: int) -> str:
        with ingest.engine.begin() as connection:
            run(
                connection,
                """
                UPDATE batch
                SET ended_at = ended_at - make_interval(days => :days)
                WHERE batch_id = :id""",
                id=ready["batch_id"],
                days=days,
            )
        run_housekeeping(ingest.engine, ingest.folder, 30, 90)
        return str(ingest.batch(ready["batch_id"])["status"])

    assert status_after(365) == "approved"
    ingest.certify(ready, outcome)
    assert [status_after(89), status_after(2)] == [outcome, "archived"]
    assert ingest.upload(xml).status_code == 409, (
        "an archived batch is still the one with these bytes"
    )
    returned = ingest.payments(ready)[0]
    ingest.end(ready, [returned], "reversed", "reverse")
    ingest.certify(ready, "completed_with_failures", 2)
    assert [status_after(0), status_after(89), status_after(2)] == [
        "completed_with_failures",
        "completed_with_failures",
        "archived",
    ]
    statuses = [event.status for event in ingest.published(ready["batch_id"], BatchChanged)]
    assert statuses[-4:] == [outcome, "archived", "completed_with_failures", "archived"]


def test_a_cancelled_batch_is_not_archived(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    ingest.certify(ready, "cancelled")
    with ingest.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch SET ended_at = ended_at - interval '999 days' WHERE batch_id = :id",
            id=ready["batch_id"],
        )
    run_housekeeping(ingest.engine, ingest.folder, 30, 90)
    assert ingest.batch(ready["batch_id"])["status"] == "cancelled"


def test_a_rejected_message_about_a_batch_bars_its_end_until_somebody_has_redriven_it(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    with ingest.engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset, correlation, body, code, reason)
            VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')""",
            b=ready["batch_id"],
        )
    ingest.certify(ready, "completed")
    run_housekeeping(ingest.engine, ingest.folder, 30, 90)
    assert ingest.batch(ready["batch_id"])["status"] == "approved"
    with ingest.engine.begin() as connection:
        run(connection, "UPDATE dead_letter SET redriven_at = now()")
    run_housekeeping(ingest.engine, ingest.folder, 30, 90)
    assert ingest.batch(ready["batch_id"])["status"] == "completed"
    published = len(ingest.published(ready["batch_id"], BatchChanged))
    run_housekeeping(ingest.engine, ingest.folder, 30, 90)
    assert len(ingest.published(ready["batch_id"], BatchChanged)) == published


def test_the_contributors_of_a_batch_are_found_by_its_id_as_text_and_nobody_for_another_text(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    with ingest.engine.connect() as connection:
        assert batches.list_contributors(connection, ready["batch_id"]) == {"paula"}
        assert batches.list_contributors(connection, "no id at all") == frozenset()
