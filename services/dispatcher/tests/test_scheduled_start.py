"""A batch whose approval has a start: nothing of it is sent before, by two clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.testing.call_keys import signed_approval
from services.dispatcher import consumers
from services.dispatcher.store import approval_proofs, scheduled_starts
from services.dispatcher.tests.factories import AT, BatchOfPayments
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)


def our_now() -> datetime:
    return datetime.now(UTC)


def approved(
    made: BatchOfPayments, start_at: datetime | None, version: int, **signed: datetime | None
) -> BatchChanged:
    """A batch's message, whose approval is signed with this start unless `signed` is another."""
    assertion = signed_approval(
        made.batch_id, made.digest, AT, start_at=signed.get("signed", start_at)
    )
    event = made.changed("approved", version)
    return event.model_copy(update={"start_at": start_at, "approval": assertion})


def announce(
    dispatcher: ManualDispatcher,
    start_at: datetime | None,
    batch: UUID,
    **signed: datetime | None,
) -> BatchOfPayments:
    """Let the consumers store an approved batch with a start."""
    made = BatchOfPayments(batch, 2, tag=str(batch)[:8])
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [approved(made, start_at, 3, **signed)])
        consumers.rows(connection, made.rows())
        consumers.payments(connection, made.payments())
    dispatcher.batch_id = batch
    return made


def provider_shows(dispatcher: ManualDispatcher, date: datetime | None) -> None:
    dispatcher.provider.last_date = date


def state(dispatcher: ManualDispatcher) -> Any:
    (found,) = dispatcher.rows("SELECT state FROM batch WHERE batch_id = :b", b=dispatcher.batch_id)
    return found.state


def figures(dispatcher: ManualDispatcher) -> tuple[int, float]:
    """How many batches wait for their start, and by how much one that has not begun is late."""
    with dispatcher.engine.connect() as connection:
        return (
            scheduled_starts.count_waiting(connection),
            scheduled_starts.read_overdue_s(connection),
        )


def test_nothing_begins_before_the_start_and_it_begins_after(dispatcher: ManualDispatcher) -> None:
    announce(dispatcher, our_now() + HOUR, uuid4())
    assert not dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "waiting"
    assert figures(dispatcher) == (1, 0.0)
    dispatcher.pass_time(4_000)
    assert figures(dispatcher)[1] > 300
    assert dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "paying"
    assert figures(dispatcher) == (0, 0.0)


def test_our_clock_set_forward_begins_nothing(dispatcher: ManualDispatcher) -> None:
    """The database's clock says that the start has passed; the provider's Date does not."""
    announce(dispatcher, our_now() + HOUR, uuid4())
    assert not dispatcher.provisioner.start_batches()
    dispatcher.age_rows(4_000)  # as if only the database's clock had gone on
    provider_shows(dispatcher, our_now() - HOUR)
    assert not dispatcher.provisioner.start_batches()
    assert figures(dispatcher)[1] > 300, "that it has not begun is shown all the same"
    provider_shows(dispatcher, our_now())
    assert dispatcher.provisioner.start_batches()


def test_a_forward_clock_of_the_provider_begins_nothing(dispatcher: ManualDispatcher) -> None:
    provider_shows(dispatcher, our_now() + 3 * HOUR)
    announce(dispatcher, our_now() + HOUR, uuid4())
    assert not dispatcher.provisioner.start_batches()


def test_pause_and_resume_begin_nothing_early(dispatcher: ManualDispatcher) -> None:
    announce(dispatcher, our_now() + HOUR, uuid4())
    dispatcher.order("pause")
    dispatcher.order("resume")
    assert not dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "waiting"


def test_a_batch_that_waits_for_its_start_can_be_cancelled(dispatcher: ManualDispatcher) -> None:
    announce(dispatcher, our_now() + HOUR, uuid4())
    assert dispatcher.order("cancel") == "cancelled"
    dispatcher.provisioner.end_unpayable()
    dispatcher.pass_time(4_000)
    assert not dispatcher.provisioner.start_batches()
    payments = dispatcher.rows(
        "SELECT status, attempts FROM payment WHERE batch_id = :b", b=dispatcher.batch_id
    )
    assert {(row.status, row.attempts) for row in payments} == {("cancelled", 0)}
    assert figures(dispatcher) == (0, 0.0)


@pytest.mark.parametrize("signed", [None, AT + HOUR])
def test_another_start_than_was_signed_pays_nothing(
    dispatcher: ManualDispatcher, signed: datetime | None
) -> None:
    """Who has ingest's key cannot begin a batch at another time than its approver wanted."""
    batch = uuid4()
    announce(dispatcher, our_now() - HOUR, batch, signed=signed)
    dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "waiting"
    with dispatcher.engine.connect() as connection:
        assert approval_proofs.count_unproved(connection) == 1


@pytest.mark.parametrize("hours", [1, -1], ids=["proved, it waits", "it has begun"])
def test_a_start_that_is_moved_after_the_proof_must_be_proved_anew(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    batch, signed = uuid4(), our_now() + hours * HOUR
    made = announce(dispatcher, signed, batch)
    dispatcher.provisioner.start_batches()
    assert state(dispatcher) == ("waiting" if hours > 0 else "paying")
    moved = approved(made, signed - 2 * HOUR, 4, signed=signed)
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [moved])
    dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "waiting"


def test_a_process_that_knows_no_provider_clock_begins_nothing(
    dispatcher: ManualDispatcher,
) -> None:
    """The start is stored; a process that begins waits until answers have shown the time."""
    announce(dispatcher, our_now() - HOUR, uuid4())
    provider_shows(dispatcher, None)
    dispatcher.begin_process()
    assert not dispatcher.provisioner.start_batches()
    dispatcher.walker.walk()  # asks the provider although nothing is being paid
    assert ("GET", "/ping") in {(method, path) for method, path, _ in dispatcher.provider.calls}
    provider_shows(dispatcher, our_now())
    assert dispatcher.provisioner.start_batches()
