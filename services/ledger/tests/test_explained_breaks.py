"""Decided duplicates reach the certificate; a rebuild and a restore keep what people explained."""

from typing import Any

import pytest

from libs.common.contracts.events.ledger import BreakAcknowledged
from libs.common.contracts.events.provider import DecidedDuplicate
from libs.common.tests import database_copies
from services.ledger import recovery
from services.ledger.consumers import store_statements
from services.ledger.reconciliation import service
from services.ledger.reconciliation.acknowledging import Refused, apply_acknowledgements
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import (
    acknowledge,
    by_hand,
    count_open,
    deliver_ended_batch,
    deliver_orphan,
    good_lines,
    statement,
)
from services.ledger.tests.factories import at, closed, line, payment_id
from services.ledger.tests.harness import breaks, certificates, deliver, rows, state


@pytest.fixture
def orphaned(database: Database) -> Database:
    deliver_orphan(database)
    return database


def decision(act: Any, *ids: str) -> DecidedDuplicate:
    return DecidedDuplicate(
        payment_id=payment_id(1),
        provider_payment_ids=ids,
        act=act,
        reason="ticket 17",
        proposed_by="anna",
        decided_by="adam",
        decided_at=at(150),
    )


def doubled(
    database: Database, number: int, *decisions: DecidedDuplicate, third: bool = False
) -> None:
    """A statement in which the first payment is alive twice, or three times."""
    name = f"run-{number}"
    ids = ["pmt_1b", *(["pmt_1c"] if third else [])]
    second = [
        line(1, "posted", name, position=20 + n, provider_payment_id=one)
        for n, one in enumerate(ids)
    ]
    lines = [*good_lines(name), *second]
    deliver(
        database.service,
        *lines,
        closed(
            lines,
            12,
            name,
            begun_at=at(100 * number),
            occurred_at=at(100 * number + 1),
            decided_duplicates=decisions,
        ),
    )


@pytest.mark.database
@pytest.mark.parametrize(("act", "corrections"), [("accepted", 1), ("recovered", 0)])
def test_a_decided_duplicate_carries_through_to_the_certificate(
    database: Database, act: str, corrections: int
) -> None:
    deliver_ended_batch(database)
    doubled(database, 1)
    assert breaks(database.service) == [("duplicate", "")]
    decided = decision(act, "pmt_1", "pmt_1b")
    doubled(database, 2, decided)
    (certificate,) = certificates(database.service)
    (listed,) = certificate["acknowledged"]
    assert (listed["kind"], listed["act"], listed["confirmed_by"]) == ("duplicate", act, "adam")
    assert listed["amount_cents"] == 500
    assert len(listed["journals"]) == corrections
    assert len(rows(database.service, "SELECT 1 FROM correction")) == corrections
    doubled(database, 3, decided, third=True)  # another payment that nobody has decided about
    assert count_open(database) == 1
    assert len(certificates(database.service)) == 1


@pytest.mark.database
def test_a_second_payment_that_was_explained_by_hand_before_is_corrected_once(
    database: Database,
) -> None:
    deliver_ended_batch(database)
    statement(database, 1, by_hand(provider_payment_id="pmt_1b", amount_cents=500))
    acknowledge(database, "by-hand", "anna", "adam")
    doubled(database, 2, decision("accepted", "pmt_1", "pmt_1b"))
    doubled(database, 3, decision("accepted", "pmt_1", "pmt_1b"))
    corrected = rows(database.service, "SELECT amount_cents FROM correction")
    assert [row.amount_cents for row in corrected] == [500]
    assert certificates(database.service)[-1]["acknowledged"][0]["journals"] == []


@pytest.mark.database
def test_what_had_ended_explains_no_second_payment_that_is_alive(database: Database) -> None:
    deliver_ended_batch(database)
    doubled(database, 1, decision("ended", "pmt_1", "pmt_1b"))
    assert certificates(database.service) == []
    with pytest.raises(Refused, match="Decide about the payment"):
        acknowledge(database, "accepted", "anna")


@pytest.mark.database
def test_a_rebuild_gives_the_same_acknowledgements_and_certificates(orphaned: Database) -> None:
    database = orphaned
    acknowledge(database, "by-hand", "anna", "adam")
    statement(database, 2, by_hand(run_name="run-2"))
    live = state(database.service)
    messages = database_copies.messages(database.service)
    database.empty()
    with database.service.begin() as connection:
        apply_acknowledgements(
            connection,
            [
                BreakAcknowledged.model_validate_json(message.body)
                for message in messages
                if message.message_type == "break-acknowledged.v1"
            ],
        )
    deliver_ended_batch(database)
    with database.service.begin() as connection:
        for number in (2, 1):  # in another order than live
            name = f"run-{number}"
            lines = [*good_lines(name), by_hand(run_name=name)]
            times = {"begun_at": at(100 * number), "occurred_at": at(100 * number + 1)}
            store_statements(connection, [*lines, closed(lines, 12, name, **times)])
        service.judge_all(connection)
    assert state(database.service) == live
    assert len(certificates(database.service)) == 1


@pytest.mark.database
def test_after_a_restore_what_was_acknowledged_stays_so(orphaned: Database) -> None:
    database = orphaned
    acknowledge(database, "by-hand", "anna", "adam")
    messages = database_copies.messages(database.service)
    acknowledged = state(database.service)["acknowledged"]
    database.empty()
    deliver_ended_batch(database)
    first = database_copies.quarantine_copy(database.service, messages)
    for _ in range(2):  # a crash may repeat it
        recovery.recover_published(database.service, first, lambda: None)
    assert state(database.service)["acknowledged"] == acknowledged
    assert len(rows(database.service, "SELECT 1 FROM correction")) == 1
