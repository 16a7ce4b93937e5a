"""A file or a batch that ingest itself does not take further shows in its figures."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.preparation import PreflightDone
from services.ingest import metrics
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def waited_s(ingest: IngestHarness) -> float:
    return metrics.gauges(ingest.engine)["batch_waiting_age_seconds"]()


def test_a_file_waits_from_its_upload_and_a_batch_from_its_preflight(
    ingest: IngestHarness, xml: bytes
) -> None:
    assert waited_s(ingest) == 0
    batch_id = ingest.upload(xml).json()["batch_id"]
    time.sleep(0.3)  # the database lets nobody change when it was uploaded
    assert 0.3 <= waited_s(ingest) < 60
    ingest.read_all()
    assert ingest.batch(batch_id)["status"] == "checking"
    assert waited_s(ingest) == 0  # it waits for the dispatcher
    revision = ingest.published(batch_id, BatchChanged)[-1].revision
    ten_minutes_ago = datetime.now(UTC) - timedelta(minutes=10)
    ingest.send(
        PreflightDone(
            event_id=uuid4(),
            occurred_at=ten_minutes_ago,
            batch_id=UUID(batch_id),
            revision=revision,
            checked=False,
        )
    )
    assert 600 <= waited_s(ingest) < 660
    ingest.finalize_all()
    assert ingest.batch(batch_id)["status"] == "ready"
    assert waited_s(ingest) == 0
