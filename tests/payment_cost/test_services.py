"""One payment's cost in every service that reads or writes messages about it, against `costs`."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from sqlalchemy import Engine

from devtools import sample_roster
from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import Branch, Source
from libs.common.contracts.events.ledger import CertificateIssued, JournalPosted
from libs.common.contracts.events.payments import PaidRow, PaymentApproved, PaymentChanged
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.message import Message
from libs.common.contracts.registry import parse
from libs.common.contracts.topics import TOPICS
from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.messaging.consumer import Apply, apply_batch
from libs.common.messaging.offsets import Offsets
from libs.common.testing import table_counters
from libs.common.testing.cost import check, count
from services.ingest import consumers as ingest_consumers
from services.ingest.tests.harness import IngestHarness, consistent
from services.ledger import consumers as ledger_consumers
from services.ledger.tests import factories
from services.reports import consumers as reports_consumers
from services.webhooks.domain import Delivery, VerifiedDelivery
from services.webhooks.group_commit import store_writer
from tests.payment_cost.costs import COSTS

pytestmark = pytest.mark.database
PAYMENTS, AT_ONCE, CENTS = 96, 16, 938
STATUSES = ("sending", "pending", "pending", "completed")


@dataclass(frozen=True)
class Databases:
    """A service's database as its role sees it, and as the owner does."""

    engine: Engine
    owner: Engine

    def deliver(self, apply: Apply, events: Sequence[Event]) -> None:
        """Apply messages of one topic as the consumer loop does, so many at once."""
        topic = events[0].topic.name
        first = Offsets(self.engine, "cost").load(topic, "id", [0])[0]
        messages = [
            Message(topic, 0, n, e.key(), e.type, str(e.event_id), e.body(), e.correlation)
            for n, e in enumerate(events, first)
        ]
        for begin in range(0, len(messages), AT_ONCE):
            with self.engine.begin() as connection:
                apply_batch(connection, "cost", messages[begin : begin + AT_ONCE], apply)

    def published(self) -> list[Event]:
        """Everything that the service has published, in order."""
        with self.owner.connect() as connection:
            rows = run(connection, "SELECT message_type, body FROM outbox ORDER BY id").all()
        return [parse(row.message_type, row.body.encode()) for row in rows]


@pytest.fixture
def open_database(
    make_database: Callable[[str], tuple[str, str]],
) -> Iterator[Callable[[str], Databases]]:
    """A migrated database of a service that no autovacuum reads."""
    made: list[Databases] = []

    def open_one(service: str) -> Databases:
        url, owner_url = make_database(service)
        migrate.upgrade(owner_url, Path("services") / service / "migrations")
        found = Databases(connect(url, "cost"), connect(owner_url, "cost"))
        table_counters.stop_autovacuum(found.owner)
        made.append(found)
        return found

    yield open_one
    for one in made:
        one.engine.dispose()
        one.owner.dispose()


@dataclass(frozen=True)
class Batch:
    """The messages of a batch whose payments are all paid, by topic."""

    batch_id: UUID

    def payment_ids(self) -> list[UUID]:
        return [uuid5(self.batch_id, f"payment-{number}") for number in range(PAYMENTS)]

    def mine(self, cause: str) -> dict[str, Any]:
        """The fields that tie a message to this batch."""
        return {
            "event_id": uuid5(self.batch_id, cause),
            "batch_id": self.batch_id,
            "correlation": str(self.batch_id),
        }

    def announced(self) -> list[Event]:
        rows, cents = factories.counts(PAYMENTS), factories.counts(PAYMENTS * CENTS)
        return [
            factories.batch(
                **self.mine("batch"),
                family_id=self.batch_id,
                rows=rows,
                amount_cents=cents,
                sources=(Source(source_account_id="A", rows=rows, amount_cents=cents),),
                branches=(Branch(branch_id="X", rows=rows, amount_cents=cents),),
                payments=PAYMENTS,
                payments_cents=PAYMENTS * CENTS,
            )
        ]

    def approvals(self) -> list[PaymentApproved]:
        return [
            factories.approved(
                2,
                **self.mine(f"{pid}/approved"),
                payment_id=pid,
                rows=(
                    PaidRow(
                        row_id=uuid5(pid, "row"),
                        root_row_id=uuid5(pid, "row"),
                        file_row=number,
                        branch_id="X",
                        amount_cents=CENTS,
                    ),
                ),
            )
            for number, pid in enumerate(self.payment_ids(), 1)
        ]

    def changes(self) -> list[PaymentChanged]:
        """Each status of all payments, before the next one of any: so they come under load."""
        return [
            factories.changed(
                2,
                version,
                status,
                **self.mine(f"{pid}/{version}"),
                payment_id=pid,
                provider_payment_id="" if version == 1 else provider_id(pid),
            )
            for version, status in enumerate(STATUSES, 1)
            for pid in self.payment_ids()
        ]

    def statement(self) -> list[Event]:
        run_id = uuid5(self.batch_id, "run")
        lines = [
            factories.line(
                2,
                "posted",
                position=number,
                **self.mine(f"{pid}/line"),
                run_id=run_id,
                payment_id=str(pid),
                provider_payment_id=provider_id(pid),
            )
            for number, pid in enumerate(self.payment_ids(), 1)
        ]
        versions = PAYMENTS * len(STATUSES)
        end = factories.closed(lines, versions, **self.mine("closed"), run_id=run_id)
        return [*lines, end]

    def webhooks(self) -> list[ProviderEventReceived]:
        """One of each status after the first, by sixteens as the payments."""
        return [
            ProviderEventReceived(
                event_id=uuid5(pid, f"{n}/webhook"),
                occurred_at=factories.at(n),
                received_at=factories.at(n),
                provider_id=provider_id(pid),
                provider_event=f"evt_{uuid5(pid, str(n))}",
                webhook_type="payment.update",
            )
            for n in range(len(STATUSES) - 1)
            for pid in self.payment_ids()
        ]


def provider_id(payment_id: UUID) -> str:
    return f"pmt_{payment_id.hex[:20]}"


def pay_in_ledger(ledger: Databases, batch: Batch) -> None:
    for events in (batch.announced(), batch.approvals(), batch.changes(), batch.statement()):
        ledger.deliver(ledger_consumers.APPLIES[events[0].topic], events)


def test_a_payment_in_the_ledger(open_database: Callable[[str], Databases]) -> None:
    ledger = open_database("ledger")
    pay_in_ledger(ledger, Batch(uuid4()))
    used = count(ledger.engine, ledger.owner, lambda: pay_in_ledger(ledger, Batch(uuid4())))
    certificates = [e for e in ledger.published() if isinstance(e, CertificateIssued)]
    assert [(e.outcome, e.paid.rows) for e in certificates] == [("completed", PAYMENTS)] * 2
    check(used, PAYMENTS, COSTS["ledger"])


def test_a_payment_in_reports(open_database: Callable[[str], Databases]) -> None:
    ledger, reports = open_database("ledger"), open_database("reports")

    def tell(batch: Batch, postings: Sequence[Event]) -> None:
        for events in (
            batch.announced(),
            batch.approvals(),
            batch.changes(),
            batch.webhooks(),
            postings,
        ):
            reports.deliver(reports_consumers.apply, events)

    first, second = Batch(uuid4()), Batch(uuid4())
    for batch in (first, second):
        pay_in_ledger(ledger, batch)
    posted = {
        one.batch_id: [
            e
            for e in ledger.published()
            if e.topic.name == "ledger-postings" and e.correlation == str(one.batch_id)
        ]
        for one in (first, second)
    }
    tell(first, posted[first.batch_id])
    used = count(reports.engine, reports.owner, lambda: tell(second, posted[second.batch_id]))
    with reports.engine.connect() as connection:
        statuses = run(connection, "SELECT status, count(*) FROM payment GROUP BY status").all()
    assert [tuple(row) for row in statuses] == [("completed", 2 * PAYMENTS)]
    check(used, PAYMENTS, COSTS["reports"])


def test_a_payment_in_webhooks(open_database: Callable[[str], Databases]) -> None:
    webhooks, write = open_database("webhooks"), store_writer(1_000)

    def receive(batch: Batch) -> None:
        hints = batch.webhooks()
        for begin in range(0, len(hints), AT_ONCE):
            with webhooks.engine.begin() as connection:
                write(connection, [delivered(one) for one in hints[begin : begin + AT_ONCE]])

    receive(Batch(uuid4()))
    used = count(webhooks.engine, webhooks.owner, lambda: receive(Batch(uuid4())))
    assert used["messages on provider-events"] == PAYMENTS * (len(STATUSES) - 1)
    check(used, PAYMENTS, COSTS["webhooks"])


def delivered(hint: ProviderEventReceived) -> VerifiedDelivery:
    body = {"event": hint.provider_event, "type": hint.webhook_type, "id": hint.provider_id}
    return VerifiedDelivery(
        Delivery(hint.provider_event, hint.webhook_type, hint.provider_id),
        json.dumps(body | {"op": "update", "path": f"/payments/{hint.provider_id}"}).encode(),
        hint.received_at,
    )


def test_a_payment_in_ingest(open_database: Callable[[str], Databases], tmp_path: Path) -> None:
    opened = open_database("ingest")
    harness = IngestHarness.make(opened.engine.url.render_as_string(False), tmp_path)
    ingest = Databases(harness.engine, opened.owner)

    def pay(batch: Any) -> None:
        """Approve a batch that is ready; the ledger then says that all of it is paid."""
        assert harness.approve(batch).status_code == 200
        ids = harness.payments(batch)
        for kind, status in (("hold", "unprocessed"), ("settle", "completed")):
            posted = [posting(batch, pid, kind, status) for pid in ids]
            ingest.deliver(ingest_consumers.apply_postings, posted)

    batches = [
        harness.ready(consistent(sample_roster.make(PAYMENTS, seed))) for seed in (9_001, 9_002)
    ]
    pay(batches[0])
    used = count(ingest.engine, ingest.owner, lambda: pay(batches[1]))
    check(used, len(harness.payments(batches[1])), COSTS["ingest"])


def posting(batch: Any, payment_id: UUID, kind: Any, status: str) -> JournalPosted:
    return JournalPosted(
        event_id=uuid5(payment_id, kind),
        occurred_at=factories.at(0),
        correlation=batch["batch_id"],
        batch_id=batch["batch_id"],
        journal_id=uuid5(payment_id, f"{kind}/journal"),
        payment_id=payment_id,
        kind=kind,
        amount_cents=CENTS,
        status=status,
    )


def test_every_service_that_has_messages_about_payments_is_measured() -> None:
    """So the gateway is not: it has no consumer, and writes nothing for a payment."""
    services = {name for topic in TOPICS for name in (topic.producer, *topic.consumers)}
    assert services == {*COSTS, "dispatcher"}
