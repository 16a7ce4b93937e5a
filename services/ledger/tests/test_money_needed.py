"""What a batch needs from each source account, against what people say is there."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import pytest

from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import acknowledge, deliver_orphan
from services.ledger.tests.factories import BATCH, approved, at, batch, changed, history
from services.ledger.tests.harness import deliver
from services.ledger.tests.http_client import Client, client_of

pytestmark = pytest.mark.database
OTHER = UUID("00000000-0000-0000-0000-0000000000b2")


@pytest.fixture
def client(database: Database) -> Client:
    return client_of(database)


def say(client: Client, source: str, cents: int, as_of: datetime) -> None:
    body = {
        "source_account_id": source,
        "available_cents": cents,
        "as_of": as_of.isoformat(),
    }
    assert client.post("/source-available", body, "Fina").status_code == 200


def money(client: Client) -> dict[str, dict[str, Any]]:
    found = client.get(f"/batches/{BATCH}/money").json()
    return {source["source_account_id"]: source for source in found["sources"]}


def of_other(event: PaymentApproved) -> PaymentApproved:
    """The same payment in another batch."""
    return event.model_copy(
        update={
            "batch_id": OTHER,
            "payment_id": uuid5(OTHER, str(event.payment_id)),
            "event_id": uuid5(OTHER, str(event.event_id)),
            "rows": tuple(
                row.model_copy(update={"row_id": uuid5(OTHER, str(row.row_id))})
                for row in event.rows
            ),
        }
    )


def test_before_the_approval_a_batch_needs_what_is_payable_from_each_source(
    client: Client, database: Database
) -> None:
    assert client.get(f"/batches/{BATCH}/money").status_code == 404
    deliver(database.service, batch(status="ready"))
    found = money(client)
    assert {s: line["needed_cents"] for s, line in found.items()} == {"A": 1438, "B": 5701}
    assert found["A"]["available_cents"] is None
    assert found["A"]["after_cents"] is None
    assert not found["A"]["is_short"], "nobody has said what is there"


def test_an_account_is_short_by_the_cent(client: Client, database: Database) -> None:
    deliver(database.service, batch(status="ready"))
    say(client, "A", 1438, at(0))
    say(client, "B", 5700, at(0))
    found = money(client)
    assert (found["A"]["after_cents"], found["A"]["is_short"]) == (0, False)
    assert (found["B"]["after"], found["B"]["is_short"]) == ("-0.01", True)
    assert client.get(f"/batches/{BATCH}/money").json()["is_short"]
    assert found["B"]["said_by"] == "Fina"
    say(client, "B", 5701, at(1))
    assert not money(client)["B"]["is_short"], "the newest word counts"


def test_what_left_after_the_balance_is_taken_off_it_and_is_not_needed_again(
    client: Client, database: Database
) -> None:
    deliver(database.service, batch(), *(approved(n) for n in (1, 2, 3, 4)))
    say(client, "A", 2000, at(1))
    assert money(client)["A"]["after_cents"] == 2000 - 1438
    for event in history(1, "completed"):
        deliver(database.service, event)
    found = money(client)["A"]
    assert (found["needed_cents"], found["left_cents"]) == (938, 500)
    assert found["after_cents"] == 2000 - 1438
    for event in history(2, "failed"):
        deliver(database.service, event)
    assert money(client)["A"]["after_cents"] == 2000 - 500, "a failed payment needs nothing"
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(60)))
    assert money(client)["A"]["after_cents"] == 2000, "a return comes back"
    say(client, "A", 2000, at(45))
    assert money(client)["A"]["left_cents"] == -500, "only what moved later than the balance"


def test_what_left_outside_of_our_payments_is_taken_off_the_balance_too(
    client: Client, database: Database
) -> None:
    deliver_orphan(database)
    say(client, "A", 10_000, at(0))
    before = money(client)["A"]["after_cents"]
    acknowledge(database, "fee", "anna", "adam")
    assert money(client)["A"]["after_cents"] == before - 1200


def test_money_of_other_approved_batches_is_reserved_until_it_has_left(
    client: Client, database: Database
) -> None:
    other = batch(batch_id=OTHER, event_id=uuid5(OTHER, "batch"))
    deliver(database.service, batch(status="ready"), other)
    say(client, "A", 2000, at(1))
    found = money(client)["A"]
    assert (found["reserved_cents"], found["after_cents"]) == (1438, 2000 - 2 * 1438)
    assert found["is_short"]
    deliver(database.service, *(of_other(approved(n)) for n in (1, 2, 3, 4)))
    assert money(client)["A"]["reserved_cents"] == 1438
    paid = of_other(approved(2))
    for event in history(2, "completed"):
        deliver(database.service, _of(event, paid))
    found = money(client)["A"]
    assert (found["reserved_cents"], found["left_cents"]) == (500, 938)
    assert found["after_cents"] == 2000 - 2 * 1438


def _of(event: PaymentChanged, payment: PaymentApproved) -> PaymentChanged:
    return event.model_copy(
        update={
            "batch_id": payment.batch_id,
            "payment_id": payment.payment_id,
            "event_id": uuid5(OTHER, str(event.event_id)),
            "correlation": str(payment.batch_id),
        }
    )


def accounts(client: Client, **days: str) -> dict[str, tuple[int, int, int, int | None]]:
    params = {"from_day": at(0).date().isoformat(), "to_day": at(0).date().isoformat()} | days
    found = client.get("/source-money", params).json()
    return {
        one["source_account_id"]: (
            one["period_left_cents"],
            one["reserved_cents"],
            one["needed_cents"],
            one["after_cents"],
        )
        for one in found["sources"]
    }


def test_an_account_shows_what_left_in_the_period_what_is_approved_and_what_waits(
    client: Client, database: Database
) -> None:
    assert accounts(client) == {}
    waiting = batch(batch_id=OTHER, event_id=uuid5(OTHER, "batch"), status="ready")
    deliver(database.service, batch(), waiting, *(approved(n) for n in (1, 2, 3, 4)))
    assert accounts(client)["A"] == (0, 1438, 1438, None)
    say(client, "A", 3000, at(0))
    for event in history(1, "completed"):
        deliver(database.service, event)
    assert accounts(client)["A"] == (500, 938, 1438, 3000 - 500 - 938 - 1438)
    other_days = {"from_day": "2020-01-01", "to_day": "2020-01-31"}
    assert accounts(client, **other_days)["A"] == (0, 938, 1438, 3000 - 500 - 938 - 1438)
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(60)))
    assert accounts(client)["A"] == (0, 938, 1438, 3000 - 938 - 1438), "a return comes back"


def test_what_left_outside_of_our_payments_is_in_the_period_too(
    client: Client, database: Database
) -> None:
    deliver_orphan(database)
    days = {"from_day": "2000-01-01", "to_day": "2100-01-01"}
    before = accounts(client, **days)["A"][0]
    acknowledge(database, "fee", "anna", "adam")
    assert accounts(client, **days)["A"][0] == before + 1200


@pytest.mark.parametrize("status", ["discarded", "expired", "completed", "cancelled"])
def test_a_batch_that_has_ended_needs_nothing(
    client: Client, database: Database, status: str
) -> None:
    deliver(database.service, batch(status=status))
    assert {line["needed_cents"] for line in money(client).values()} == {0}


def test_a_balance_of_tomorrow_is_refused(client: Client) -> None:
    body = {"source_account_id": "A", "available_cents": 1, "as_of": "2999-01-01T00:00:00Z"}
    answer = client.post("/source-available", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "available.future")
