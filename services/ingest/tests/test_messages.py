"""What messages of other services do to a batch, and what is never stored or published."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.preparation import DispatchChanged
from libs.common.database.engine import run
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def test_a_preflight_of_an_older_check_is_ignored(ingest: IngestHarness, xml: bytes) -> None:
    batch_id = ingest.upload(xml).json()["batch_id"]
    ingest.read_all()
    ingest.preflight(batch_id)
    with ingest.engine.begin() as connection:
        run(connection, "UPDATE batch SET revision = 2 WHERE batch_id = :id", id=batch_id)
    ingest.finalize_all()
    assert ingest.batch(batch_id)["status"] == "checking"
    assert ingest.check(batch_id)["status"] == "ready"


def test_a_provider_that_could_not_be_asked_is_a_warning(ingest: IngestHarness, xml: bytes) -> None:
    batch_id = ingest.upload(xml).json()["batch_id"]
    ingest.read_all()
    ready = ingest.check(batch_id, checked=False)
    assert ready["rows"]["payable"] == 20
    assert "W_NOT_CHECKED" in ready["to_acknowledge"]


def test_the_dispatcher_and_the_certificate_move_the_batch_and_never_back(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200

    def dispatch(version: int, state: Any) -> str:
        ingest.send(
            DispatchChanged(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                batch_id=UUID(ready["batch_id"]),
                version=version,
                state=state,
            )
        )
        return str(ingest.batch(ready["batch_id"])["status"])

    assert [
        dispatch(1, "paying"),
        dispatch(2, "paused"),
        dispatch(1, "paying"),
        dispatch(3, "cancelled"),
    ] == ["paying", "paused", "paused", "paused"]
    ingest.certify(ready, "completed")
    assert dispatch(4, "paying") == "completed"
    ingest.certify(ready, "completed_with_failures", 2)
    ingest.certify(ready, "completed", 1)
    ended = ingest.batch(ready["batch_id"])
    assert (ended["status"], ended["certificate"]["version"], ended["certificate"]["outcome"]) == (
        "completed_with_failures",
        2,
        "completed_with_failures",
    )
    statuses = [event.status for event in ingest.published(ready["batch_id"], BatchChanged)]
    assert statuses == [
        "checking",
        "ready",
        "approved",
        "paying",
        "paused",
        "completed",
        "completed_with_failures",
    ]


def test_messages_about_unknown_batches_are_rejected(ingest: IngestHarness, xml: bytes) -> None:
    unknown = {"batch_id": str(uuid4()), "digest": "sha256:" + "0" * 64}
    acts: list[Callable[[], None]] = [
        partial(ingest.end, unknown, [uuid4()]),
        partial(ingest.certify, unknown),
        partial(ingest.certify, ingest.ready(xml)),
    ]
    for act in acts:
        with pytest.raises(Reject):
            act()


def test_nothing_stored_or_published_contains_a_personal_number_in_clear(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    texts = [
        xml[xml.index(tag) + len(tag) :].split(b"<", 1)[0].decode()
        for tag in (b"<LoanAccountNumber>", b"<AccountNumber>", b"<PhoneNumber>", b"<DOB>")
    ]
    month, day, year = texts[3].split("-")
    with ingest.engine.connect() as connection:
        tables = (
            run(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            .scalars()
            .all()
        )
        for table in tables:
            content = json.dumps(
                [list(map(str, row)) for row in run(connection, f"SELECT * FROM {table}")]
            )
            assert not [text for text in (*texts, f"{year}-{month}-{day}") if text in content], (
                table
            )
    assert len(tables) > 15
    assert base64.b64encode(texts[0].encode()).decode() not in content
