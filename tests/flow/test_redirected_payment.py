"""A redirected row from the roster to the command to pay, through the messages of both services.

Ingest and the dispatcher run in this process, each on its own database, with a provider in memory.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.preparation import PreflightDone
from libs.common.contracts.events.rows import RowRead
from libs.common.database.migrate import upgrade
from libs.common.web.approval_assertions import approval_params
from services.dispatcher import consumers
from services.dispatcher.tests.harness import migrated_database
from services.dispatcher.tests.test_refused_objects import Preparing
from services.ingest.app import MIGRATIONS
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import someone
from services.ingest.tests.test_approval_assertion import approve
from services.ingest.tests.test_decisions import decide
from services.ingest.tests.test_redirects import to

pytestmark = pytest.mark.database
MERGED, OTHER = "77-4711-a", "77-4712-b"


class TwoServices:
    """Ingest and the dispatcher, and the messages between them."""

    def __init__(self, ingest: IngestHarness, dispatcher: Preparing) -> None:
        self.ingest, self.dispatcher = ingest, dispatcher
        self.received: set[Any] = set()

    def deliver(self, batch_id: str) -> None:
        """Deliver what ingest published about a batch and the dispatcher does not have yet."""
        for kind, apply in (
            (BatchChanged, consumers.batches),
            (RowRead, consumers.rows),
            (PaymentApproved, consumers.payments),
        ):
            found = self.ingest.published(batch_id, kind)
            new = [event for event in found if event.event_id not in self.received]
            with self.dispatcher.engine.begin() as connection:
                apply(connection, new)
            self.received |= {event.event_id for event in new}

    def check(self, batch_id: str) -> Any:
        """Have the dispatcher ask the provider, and ingest make the batch ready."""
        self.deliver(batch_id)
        self.ingest.send(PreflightDone.model_validate(self.dispatcher.check()))
        self.ingest.finalize_all()
        self.deliver(batch_id)
        return self.ingest.batch(batch_id)

    def commands(self) -> list[dict[str, Any]]:
        """Prepare and send until nothing is left: the bodies of all commands to pay."""
        sent = []
        for _ in range(10):
            self.dispatcher.prepare()
            self.dispatcher.walker.walk()
            self.dispatcher.pass_time(2.0)
            calls = self.dispatcher.lease()
            self.dispatcher.record([(call, self.dispatcher.send(call)) for call in calls])
            sent += [json.loads(call.body) for call in calls]
        return sent


@pytest.fixture
def services(
    make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[TwoServices]:
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    engines = migrated_database(make_database)
    made = TwoServices(IngestHarness.make(service_url, tmp_path), Preparing(*engines))
    yield made
    for engine in (made.ingest.engine, *engines):
        engine.dispose()


def test_the_command_pays_the_new_loan_and_nothing_goes_to_the_old_ones(
    services: TwoServices,
) -> None:
    """Two loans of one person become one; another person's loan is paid as the roster says."""
    ingest = services.ingest
    first = someone()
    old = first["Payee/LoanAccountNumber"]
    second = {**first, "Payee/LoanAccountNumber": "9" + old, "Amount": "$8.00"}
    other = someone(**{"Payee/LoanAccountNumber": OTHER, "Employee/PhoneNumber": "+15125550101"})
    answer = ingest.upload(roster(row(first), row(second), row(other)))
    batch_id = answer.json()["batch_id"]
    ingest.read_all()
    batch = services.check(batch_id)
    for number in (0, 1):
        row_id = ingest.rows(batch)[number]["row_id"]
        done = decide(ingest, batch, row_id=row_id, **to(MERGED))
        assert done.status_code == 200, done.text
        batch = services.check(batch_id)
    assert batch["amount_cents"]["payable"] == 703 + 800 + 703
    answer = approve(ingest, batch, **approval_params(batch["digest"], 0))
    assert answer.status_code == 200, answer.text
    services.deliver(batch_id)
    commands = services.commands()
    accounts = services.dispatcher.provider.objects["/accounts"]
    liabilities = {
        one["id"]: one["liability"]["account_number"]
        for one in accounts.values()
        if "liability" in one
    }
    assert sorted(liabilities.values()) == sorted([MERGED, OTHER])
    paid = sorted((liabilities[one["destination"]], one["amount"]) for one in commands)
    assert paid == [(MERGED, 1503), (OTHER, 703)]
    assert old not in json.dumps([list(accounts.values()), commands])
