"""Messages come late, twice or in another order: the ledger ends the same."""

import random

import pytest

from services.ledger import app
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    approved,
    at,
    batch,
    changed,
)
from services.ledger.tests.harness import (
    ENDS,
    breaks,
    certificates,
    give,
    published,
    rows,
    state,
    story,
)

pytestmark = pytest.mark.database


@pytest.mark.parametrize("seed", range(12))
def test_any_order_across_topics_and_any_repetition_end_in_the_same_books(
    database: Database, seed: int
) -> None:
    events = story(ENDS | {1: "reversed", 2: "cancelled"})
    give(database.service, *events)
    expected = state(database.service)
    database.empty()
    chance = random.Random(seed)
    shuffled = events + chance.sample(events, 8)
    chance.shuffle(shuffled)
    give(database.service, *shuffled)
    assert state(database.service) == expected
    assert rows(database.service, "SELECT * FROM waiting") == []


def test_nothing_is_judged_before_everything_is_here(database: Database) -> None:
    events = story(ENDS)
    for missing in events:
        database.empty()
        give(database.service, *(e for e in events if e is not missing))
        assert certificates(database.service) == [], missing
        assert published(database.service, "reconciliation-judged.v1") == [], missing
        give(database.service, missing)
        assert len(certificates(database.service)) == 1, missing


def test_a_line_that_is_lost_or_other_money_at_the_closing_is_reported_when_overdue(
    database: Database,
) -> None:
    *events, last = story(ENDS)
    give(database.service, *events, last.model_copy(update={"amount_cents": 1}))
    assert breaks(database.service) == []
    app.look_again(database.service, 900)
    app.look_again(database.service, 900)
    assert breaks(database.service) == [("incomplete", "lines")]
    assert len(published(database.service, "reconciliation-judged.v1")) == 1


def test_what_waits_too_long_is_a_break_until_it_is_applied(database: Database) -> None:
    give(database.service, batch(occurred_at=at(10**8)), changed(1, 2, "pending"))
    app.look_again(database.service, 900)
    assert breaks(database.service) == []
    app.look_again(database.service, 0)
    assert breaks(database.service) == [("waiting", "change")]
    give(database.service, approved(1), changed(1, 1, "sending"))
    app.look_again(database.service, 0)
    assert breaks(database.service) == []
    assert rows(database.service, "SELECT version, status FROM payment") == [(2, "pending")]


def test_approved_payments_that_do_not_come_are_a_break_until_they_are_here(
    database: Database,
) -> None:
    give(database.service, batch(), approved(1))
    app.look_again(database.service, 3_600 * 24 * 365 * 50)
    assert breaks(database.service) == []
    app.look_again(database.service, 0)
    assert breaks(database.service) == [("waiting", "approval")]
    give(database.service, *(approved(n) for n in (2, 3, 4)))
    app.look_again(database.service, 0)
    assert breaks(database.service) == []
