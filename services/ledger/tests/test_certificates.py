"""From a batch's events to its certificate, and which runs give one, on a real PostgreSQL."""

from uuid import UUID

import pytest

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.events.provider import StatementLine
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    at,
    changed,
    closed,
    line,
    payment_id,
)
from services.ledger.tests.harness import (
    ENDS,
    PROVIDER_STATUSES,
    batch_events,
    breaks,
    certificates,
    deliver,
    published,
    rows,
)

pytestmark = pytest.mark.database


def test_a_batch_from_approval_to_its_certificate(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    assert breaks(database.service) == []
    (certificate,) = certificates(database.service)
    assert certificate["outcome"] == "completed_with_failures"
    assert {
        name: (v["rows"], v["amount_cents"])
        for name, v in certificate.items()
        if isinstance(v, dict)
    } == {
        "total": (13, 7929),
        "paid": (6, 6201),
        "failed": (1, 938),
        "cancelled": (0, 0),
        "reversed": (0, 0),
        "unpayable": (2, 700),
        "refused": (1, 0),
        "excluded": (3, 90),
    }
    assert (
        published(database.service, "certificate-issued.v1")[0]["digest"] == certificate["digest"]
    )
    assert published(database.service, "reconciliation-judged.v1")[0]["clean"] is True
    posted = published(database.service, "journal-posted.v1")
    assert sorted(p["kind"] for p in posted) == ["hold"] * 4 + ["release"] + ["settle"] * 3
    balances = {
        (r.account, r.layer): (r.amount_cents, r.row_count)
        for r in rows(database.service, "SELECT * FROM balance")
    }
    assert balances[("source:A", "posted")] == (-500, -2)
    assert balances[("branch:Z", "posted")] == (4201, 2)
    assert {v for (_, layer), v in balances.items() if layer == "pending"} == {(0, 0)}


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (dict.fromkeys(ENDS, "completed"), "completed"),
        (ENDS | {2: "cancelled"}, "cancelled"),
        (ENDS | {2: "refused"}, "completed_with_failures"),
        (dict.fromkeys(ENDS, "completed") | {1: "reversed"}, "completed_with_failures"),
    ],
)
def test_the_outcome_of_a_certificate(
    database: Database, ends: dict[int, str], outcome: str
) -> None:
    deliver(database.service, *batch_events(ends))
    assert [c["outcome"] for c in certificates(database.service)] == [outcome]


def test_a_late_return_makes_a_break_and_then_the_next_version(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    gone = [
        line(1, "failed", "run-2", 1),
        line(2, "failed", "run-2", 2),
        line(3, "posted", "run-2", 3),
        line(4, "posted", "run-2", 4),
    ]
    deliver(
        database.service, *gone, closed(gone, 12, "run-2", begun_at=at(200), occurred_at=at(210))
    )
    assert breaks(database.service) == [("late_return", "")]
    assert len(certificates(database.service)) == 1
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(220)))
    gone = [x.model_copy(update={"run_id": UUID(int=3)}) for x in gone]
    deliver(
        database.service,
        *gone,
        closed(gone, 13, "run-3", run_id=UUID(int=3), begun_at=at(230), occurred_at=at(240)),
    )
    assert breaks(database.service) == []
    first, second = certificates(database.service)
    assert (
        first["version"],
        first["paid"]["rows"],
        second["version"],
        second["paid"]["rows"],
        second["reversed"]["rows"],
    ) == (1, 6, 2, 4, 2)
    again = [x.model_copy(update={"run_id": UUID(int=4)}) for x in gone]
    deliver(
        database.service,
        *again,
        closed(again, 13, "run-4", run_id=UUID(int=4), begun_at=at(330), occurred_at=at(340)),
    )
    assert len(certificates(database.service)) == 2  # its figures would be the same


def test_a_statement_during_which_a_status_changed_gives_no_certificate(database: Database) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events, changed(1, 4, "reversed", occurred_at=at(95)), last)
    assert certificates(database.service) == []


def test_a_providers_status_that_moves_on_meanwhile_does_no_harm(database: Database) -> None:
    *events, last = batch_events(ENDS)
    deliver(
        database.service,
        *events,
        changed(1, 4, "completed", provider_status="cashed", occurred_at=at(95)),
        last,
    )
    assert len(certificates(database.service)) == 1


def test_a_run_that_is_older_than_the_certificate_gives_none(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    # By its own time, before the first run began.
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(80)))
    lines = [
        line(n, PROVIDER_STATUSES[end], "old", n) for n, end in ({**ENDS, 1: "reversed"}).items()
    ]
    deliver(database.service, *lines, closed(lines, 13, "old", begun_at=at(85), occurred_at=at(86)))
    assert len(certificates(database.service)) == 1


def test_a_run_that_was_cut_short_is_never_clean(database: Database) -> None:
    *events, last = batch_events(ENDS)
    deliver(
        database.service,
        *events,
        last.model_copy(update={"complete": False, "message": "page 2 failed"}),
    )
    assert certificates(database.service) == []
    assert breaks(database.service) == [("incomplete", "walk")]


def test_a_dead_letter_of_the_dispatcher_bars_the_certificate_until_its_next_statement_has_none(
    database: Database,
) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events, last.model_copy(update={"dead_letters": 2}))
    assert breaks(database.service) == [("dead_letter", "dispatcher")]
    assert certificates(database.service) == []
    again = [line(n, PROVIDER_STATUSES[end], "run-2") for n, end in ENDS.items()]
    deliver(
        database.service, *again, closed(again, 12, "run-2", begun_at=at(200), occurred_at=at(201))
    )
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1


def test_a_duplicate_that_nobody_has_decided_bars_the_certificate(database: Database) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events, last.model_copy(update={"undecided_duplicates": 1}))
    assert breaks(database.service) == [("duplicate", "dispatcher")]
    assert certificates(database.service) == []
    again = [line(n, PROVIDER_STATUSES[end], "run-2") for n, end in ENDS.items()]
    deliver(
        database.service, *again, closed(again, 12, "run-2", begun_at=at(200), occurred_at=at(201))
    )
    assert len(certificates(database.service)) == 1


def test_a_payment_bound_to_another_provider_payment_is_compared_with_that_one(
    database: Database,
) -> None:
    *events, last = batch_events(dict.fromkeys(ENDS, "completed"))
    first = next(
        e
        for e in events
        if isinstance(e, PaymentChanged) and e.payment_id == payment_id(1) and e.version == 3
    )
    moved = [
        e.model_copy(update={"provider_payment_id": "pmt_9"})
        if e is first or (isinstance(e, StatementLine) and e.line == 1)
        else e
        for e in events
    ]
    deliver(database.service, *moved, last)
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1
