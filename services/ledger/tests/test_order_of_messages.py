"""Messages come late, twice or in another order: the ledger ends the same."""

import random

import pytest

from services.ledger.reconciliation.overdue import check_overdue
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    approved,
    at,
    batch,
    changed,
)
from services.ledger.tests.harness import (
    ENDS,
    batch_events,
    breaks,
    certificates,
    deliver,
    published,
    rows,
    state,
)

pytestmark = pytest.mark.database


@pytest.mark.parametrize("seed", range(12))
def test_any_order_across_topics_and_any_repetition_end_in_the_same_books(
    database: Database, seed: int
) -> None:
    events = batch_events(ENDS | {1: "reversed", 2: "cancelled"})
    deliver(database.service, *events)
    expected = state(database.service)
    database.empty()
    chance = random.Random(seed)
    shuffled = events + chance.sample(events, 8)
    chance.shuffle(shuffled)
    deliver(database.service, *shuffled)
    assert state(database.service) == expected
    assert rows(database.service, "SELECT * FROM waiting") == []


def test_nothing_is_judged_before_everything_is_here(database: Database) -> None:
    events = batch_events(ENDS)
    for missing in events:
        database.empty()
        deliver(database.service, *(e for e in events if e is not missing))
        assert certificates(database.service) == [], missing
        assert published(database.service, "reconciliation-judged.v1") == [], missing
        deliver(database.service, missing)
        assert len(certificates(database.service)) == 1, missing


def test_a_line_that_is_lost_or_other_money_at_the_closing_is_reported_when_overdue(
    database: Database,
) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events, last.model_copy(update={"amount_cents": 1}))
    assert breaks(database.service) == []
    check_overdue(database.service, 900)
    check_overdue(database.service, 900)
    assert breaks(database.service) == [("incomplete", "lines")]
    assert len(published(database.service, "reconciliation-judged.v1")) == 1


def test_what_waits_too_long_is_a_break_until_it_is_applied(database: Database) -> None:
    deliver(database.service, batch(occurred_at=at(10**8)), changed(1, 2, "pending"))
    check_overdue(database.service, 900)
    assert breaks(database.service) == []
    check_overdue(database.service, 0)
    assert breaks(database.service) == [("waiting", "change")]
    deliver(database.service, approved(1), changed(1, 1, "sending"))
    check_overdue(database.service, 0)
    assert breaks(database.service) == []
    assert rows(database.service, "SELECT version, status FROM payment") == [(2, "pending")]


def test_approved_payments_that_do_not_come_are_a_break_until_they_are_here(
    database: Database,
) -> None:
    deliver(database.service, batch(), approved(1))
    check_overdue(database.service, 3_600 * 24 * 365 * 50)
    assert breaks(database.service) == []
    check_overdue(database.service, 0)
    assert breaks(database.service) == [("waiting", "approval")]
    deliver(database.service, *(approved(n) for n in (2, 3, 4)))
    check_overdue(database.service, 0)
    assert breaks(database.service) == []
