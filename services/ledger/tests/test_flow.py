"""From events to certificates on a real PostgreSQL, as the service's own role, through the functions the consumers call."""

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.events.provider import StatementLine
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging.consumer import apply_batch, redrive
from libs.common.tests import database_copies
from services.ledger import app, rebuild
from services.ledger.reconciliation import service
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    BATCH,
    approved,
    at,
    batch,
    changed,
    closed,
    life,
    line,
    payment_id,
)

pytestmark = pytest.mark.database

ENDS = {1: "completed", 2: "failed", 3: "completed", 4: "completed"}
THEIRS = {"completed": "posted", "failed": "failed", "reversed": "reversed"}


def give(engine: Engine, *events: Event) -> None:
    """Each run of events of one topic in a transaction of its own."""
    for topic, group in itertools.groupby(events, lambda e: e.topic):
        with engine.begin() as connection:
            app.APPLIES[topic](connection, list(group))


def story(ends: dict[int, str]) -> list[Event]:
    """Batch, approvals, lives and the provider's agreeing statement."""
    changes = [change for number, end in ends.items() for change in life(number, end)]
    lines = [
        line(number, THEIRS[end], position=n)
        for n, (number, end) in enumerate(((k, v) for k, v in ends.items() if v in THEIRS), start=1)
    ]
    return [batch(), *(approved(n) for n in ends), *changes, *lines, closed(lines, len(changes))]


def rows(engine: Engine, sql: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(run(connection, sql, **values))


def certificates(engine: Engine) -> list[dict[str, Any]]:
    return [row.body for row in rows(engine, "SELECT body FROM certificate ORDER BY version")]


def breaks(engine: Engine) -> list[tuple[str, str]]:
    return [
        (r.kind, r.subject)
        for r in rows(
            engine,
            "SELECT kind, subject FROM reconciliation_break WHERE closed_at IS NULL ORDER BY kind, subject",
        )
    ]


def published(engine: Engine, kind: str) -> list[dict[str, Any]]:
    return [
        json.loads(r.body)
        for r in rows(
            engine, "SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind
        )
    ]


def state(engine: Engine) -> dict[str, list[Any]]:
    return {name: rows(engine, query) for name, query in rebuild.DIGESTS.items()}


def test_a_batch_from_approval_to_its_certificate(database: Database) -> None:
    give(database.service, *story(ENDS))
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
    give(database.service, *story(ends))
    assert [c["outcome"] for c in certificates(database.service)] == [outcome]


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


def test_a_late_return_makes_a_break_and_then_the_next_version(database: Database) -> None:
    give(database.service, *story(ENDS))
    gone = [
        line(1, "failed", "run-2", 1),
        line(2, "failed", "run-2", 2),
        line(3, "posted", "run-2", 3),
        line(4, "posted", "run-2", 4),
    ]
    give(database.service, *gone, closed(gone, 12, "run-2", begun_at=at(200), occurred_at=at(210)))
    assert breaks(database.service) == [("late_return", "")]
    assert len(certificates(database.service)) == 1
    give(database.service, changed(1, 4, "reversed", occurred_at=at(220)))
    gone = [x.model_copy(update={"run_id": UUID(int=3)}) for x in gone]
    give(
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
    give(
        database.service,
        *again,
        closed(again, 13, "run-4", run_id=UUID(int=4), begun_at=at(330), occurred_at=at(340)),
    )
    assert len(certificates(database.service)) == 2  # it would say the same


def test_after_a_restore_no_version_of_a_certificate_is_issued_twice(database: Database) -> None:
    give(database.service, *story(ENDS))
    gone = [
        line(1, "failed", "run-2", 1),
        line(2, "failed", "run-2", 2),
        line(3, "posted", "run-2", 3),
        line(4, "posted", "run-2", 4),
    ]
    since = [
        changed(1, 4, "reversed", occurred_at=at(220)),
        *gone,
        closed(gone, 13, "run-2", begun_at=at(230), occurred_at=at(240)),
    ]
    give(database.service, *since)
    issued = certificates(database.service)
    told = database_copies.messages(database.service)
    database.empty()
    give(database.service, *story(ENDS))  # the copy: it has never heard of the second one
    first = database_copies.quarantine_copy(database.service, told)
    for _ in range(2):  # a crash between may repeat it
        with database.service.begin() as connection:
            service.take_back(connection, first)
    assert certificates(database.service) == issued
    give(database.service, *since)  # the topics are read again from the copy's offsets
    assert certificates(database.service) == issued
    later = [
        line(1, "failed", "run-3", 1),
        line(2, "failed", "run-3", 2),
        line(3, "failed", "run-3", 3),
        line(4, "posted", "run-3", 4),
    ]
    give(
        database.service,
        changed(3, 4, "reversed", occurred_at=at(320)),
        *later,
        closed(later, 14, "run-3", begun_at=at(330), occurred_at=at(340)),
    )
    assert [c["version"] for c in certificates(database.service)] == [1, 2, 3]
    assert len(published(database.service, "certificate-issued.v1")) == 3


def test_a_statement_during_which_a_status_changed_gives_no_certificate(database: Database) -> None:
    *events, last = story(ENDS)
    give(database.service, *events, changed(1, 4, "reversed", occurred_at=at(95)), last)
    assert certificates(database.service) == []


def test_a_providers_status_that_moves_on_meanwhile_does_no_harm(database: Database) -> None:
    *events, last = story(ENDS)
    give(
        database.service,
        *events,
        changed(1, 4, "completed", provider_status="cashed", occurred_at=at(95)),
        last,
    )
    assert len(certificates(database.service)) == 1


def test_a_run_that_is_older_than_the_certificate_gives_none(database: Database) -> None:
    give(database.service, *story(ENDS))
    give(
        database.service, changed(1, 4, "reversed", occurred_at=at(80))
    )  # before the first walk began, by its own time
    lines = [line(n, THEIRS[end], "old", n) for n, end in ({**ENDS, 1: "reversed"}).items()]
    give(database.service, *lines, closed(lines, 13, "old", begun_at=at(85), occurred_at=at(86)))
    assert len(certificates(database.service)) == 1


def test_a_walk_that_was_cut_short_is_never_clean(database: Database) -> None:
    *events, last = story(ENDS)
    give(
        database.service,
        *events,
        last.model_copy(update={"complete": False, "message": "page 2 failed"}),
    )
    assert certificates(database.service) == []
    assert breaks(database.service) == [("incomplete", "walk")]


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


def test_a_rejected_message_in_the_dispatcher_bars_the_certificate_until_its_next_statement_has_none(
    database: Database,
) -> None:
    *events, last = story(ENDS)
    give(database.service, *events, last.model_copy(update={"dead_letters": 2}))
    assert breaks(database.service) == [("dead_letter", "dispatcher")]
    assert certificates(database.service) == []
    again = [line(n, THEIRS[end], "run-2") for n, end in ENDS.items()]
    give(
        database.service, *again, closed(again, 12, "run-2", begun_at=at(200), occurred_at=at(201))
    )
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1


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


def test_a_payment_that_stands_on_another_provider_payment_is_compared_with_that_one(
    database: Database,
) -> None:
    *events, last = story(dict.fromkeys(ENDS, "completed"))
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
    give(database.service, *moved, last)
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1


def messages(events: Sequence[Event], first: int = 0) -> list[Message]:
    return [
        Message(e.topic.name, 0, n, e.key(), e.type, str(e.event_id), e.body(), e.correlation)
        for n, e in enumerate(events, start=first)
    ]


def consume(engine: Engine, events: Sequence[Event], first: int = 0) -> None:
    topic = events[0].topic
    with engine.begin() as connection:
        run(
            connection,
            "INSERT INTO consumer_offset VALUES (:c, :t, 0, :n) ON CONFLICT DO NOTHING",
            c=topic.name,
            t=topic.name,
            n=first,
        )
        apply_batch(connection, topic.name, messages(events, first), app.APPLIES[topic])


def test_a_rejected_message_is_buried_alone(database: Database) -> None:
    events = story(ENDS)
    wrong = changed(4, 3, "completed", amount_cents=1, event_id=UUID(int=7))
    give(database.service, *(e for e in events if e.topic.name != "status-events"))
    consume(database.service, [wrong, *(e for e in events if e.topic.name == "status-events")])
    assert [
        (row.code, row.event_id) for row in rows(database.service, "SELECT * FROM dead_letter")
    ] == [("ledger.conflict", UUID(int=7))]
    assert rows(
        database.service, "SELECT status FROM payment WHERE payment_id = :p", p=payment_id(4)
    ) == [("completed",)]
    assert certificates(database.service) == []


def test_a_journal_the_database_refuses_is_a_dead_letter_and_the_rest_goes_on(
    database: Database,
) -> None:
    events = story(ENDS)
    give(database.service, *(e for e in events if e.topic.name != "status-events"))
    with (
        database.owner.begin() as connection
    ):  # a release that nobody asked for stands in the way of payment 4
        run(connection, RELEASE_4, p=str(payment_id(4)), b=str(BATCH))
    consume(database.service, [e for e in events if e.topic.name == "status-events"])
    letters = rows(database.service, "SELECT dead_letter_id, code, reason FROM dead_letter")
    assert [row.code for row in letters] == ["ledger.journal-refused"]
    assert "journal_one_final" in letters[0].reason
    assert rows(
        database.service, "SELECT status FROM payment WHERE payment_id = :p", p=payment_id(4)
    ) == [("pending",)]
    assert rows(database.service, "SELECT count(*) FROM payment WHERE status = 'completed'") == [
        (2,)
    ]
    with pytest.raises(Reject), database.service.begin() as connection:
        redrive(connection, letters[0].dead_letter_id, app.apply_changes, "olga")


RELEASE_4 = """
    WITH head AS (INSERT INTO journal SELECT gen_random_uuid(), batch_id, payment_id, 'release', amount_cents, row_count, entry_count, posted_at
                  FROM journal WHERE payment_id = CAST(:p AS uuid) AND kind = 'hold' AND batch_id = CAST(:b AS uuid) RETURNING *)
    INSERT INTO entry SELECT head.journal_id, e.n, e.batch_id, e.account, e.layer, -e.amount_cents, -e.row_count
    FROM head, journal h JOIN entry e USING (journal_id) WHERE h.payment_id = head.payment_id AND h.kind = 'hold'"""


def test_a_foreign_dead_letter_of_the_batch_is_reported_and_its_redrive_frees_the_certificate(
    database: Database,
) -> None:
    *events, last = story(ENDS)
    give(database.service, *events)
    with database.service.begin() as connection:
        run(
            connection,
            """INSERT INTO dead_letter (consumer, topic, partition, message_offset, correlation, body, code, reason)
                           VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')""",
            b=str(BATCH),
        )
    give(database.service, last)
    assert breaks(database.service)[0][0] == "dead_letter"
    assert certificates(database.service) == []
    with database.service.begin() as connection:
        run(connection, "UPDATE dead_letter SET redriven_at = now()")
    app.look_again(database.service, 900)
    assert len(certificates(database.service)) == 1
    assert breaks(database.service) == []


@pytest.mark.parametrize(
    ("again", "code"),
    [
        (approved(1, employee_id="E9"), "ledger.conflict"),
        (changed(1, 2, "held"), "ledger.conflict"),
        (batch(filename="other.xml"), "ledger.conflict"),
        (approved(9 - 7, payment_id=UUID(int=5), event_id=UUID(int=5)), "ledger.conflict"),
        (changed(2, 4, "completed"), "ledger.impossible-change"),
        (line(1, "failed"), "ledger.conflict"),
        (closed([], 5, amount_cents=3), "ledger.conflict"),
    ],
)
def test_the_same_id_with_other_content_is_rejected_and_changes_nothing(
    database: Database, again: Event, code: str
) -> None:
    give(database.service, *story(ENDS))
    before = state(database.service)
    with pytest.raises(Reject) as caught:
        give(database.service, again)
    assert caught.value.code == code
    assert state(database.service) == before


def plant(database: Database, table: str, sql: str) -> None:
    """Change what nobody can change, as somebody who owns the database and has switched its guards off would."""
    with database.owner.begin() as connection:
        run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        run(connection, sql, p=str(payment_id(1)), b=str(BATCH))
        run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")


PLANTED = {
    ("balance", "branch:X posted"): (
        "balance",
        "UPDATE balance SET amount_cents = amount_cents + 1 WHERE account = 'branch:X' AND layer = 'posted'",
    ),
    ("balance", "source:A posted"): (
        "balance",
        "DELETE FROM balance WHERE account = 'source:A' AND layer = 'posted'",
    ),
    ("balance", "branch:Q posted"): (
        "balance",
        "INSERT INTO balance VALUES (CAST(:b AS uuid), 'branch:Q', 'posted', 0, 1)",
    ),
    ("balance", "branch:Y pending"): (
        "entry",
        "DELETE FROM entry WHERE account = 'branch:Y' AND layer = 'pending' AND amount_cents = 200",
    ),
    ("journal", ""): (
        "journal",
        "DELETE FROM journal WHERE payment_id = CAST(:p AS uuid) AND kind = 'settle'",
    ),
    ("journal", "of no payment"): (
        "journal",
        "UPDATE journal SET payment_id = gen_random_uuid() WHERE payment_id = CAST(:p AS uuid) AND kind = 'settle'",
    ),
    ("rows", "payment"): (
        "payment_row",
        "UPDATE payment_row SET amount_cents = amount_cents + 1 WHERE payment_id = CAST(:p AS uuid) AND amount_cents = 300",
    ),
    ("rows", "branch:Z"): (
        "payment_row",
        "DELETE FROM payment_row WHERE branch_id = 'Z' AND amount_cents = 1",
    ),
    ("rows", "source:B"): (
        "payment",
        "UPDATE payment SET source_account_id = 'B' WHERE payment_id = CAST(:p AS uuid)",
    ),
    ("rows", "payments:count"): ("batch", "UPDATE batch SET payments = 3"),
    ("rows", "batch:payable"): (
        "batch",
        "UPDATE batch SET row_counts = jsonb_set(row_counts, '{payable}', '6')",
    ),
    ("rows", "total"): (
        "batch",
        "UPDATE batch SET amounts_cents = jsonb_set(amounts_cents, '{excluded}', '91')",
    ),
    ("duplicate", "claimed"): (
        "payment",
        "UPDATE payment SET provider_payment_id = 'pmt_3' WHERE payment_id = CAST(:p AS uuid)",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_planted_violation_is_found_and_bars_the_certificate(
    database: Database, kind: tuple[str, str]
) -> None:
    *events, last = story(ENDS)
    give(database.service, *events)
    plant(database, *PLANTED[kind])
    give(database.service, last)
    assert kind in breaks(database.service)
    assert certificates(database.service) == []


SWAPPED = [
    line(1, "posted", position=1, loan_last4="1003"),
    line(3, "posted", position=3, loan_last4="1001"),
]


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([line(1, "posted", amount_cents=501)], ("amount", "")),
        ([line(1, "pending")], ("status", "")),
        ([], ("missing_there", "")),
        (
            [line(1, "posted"), line(1, "sent", position=9, provider_payment_id="pmt_9")],
            ("duplicate", ""),
        ),
        (
            [
                line(1, "posted"),
                line(1, "sent", position=9, provider_payment_id="pmt_9", payment_id=""),
            ],
            ("orphan", ""),
        ),
        (
            [
                line(1, "posted"),
                line(1, "sent", position=9, provider_payment_id="pmt_9", payment_id="not-a-uuid"),
            ],
            ("orphan", ""),
        ),
        (
            [
                line(1, "posted"),
                line(
                    1, "sent", position=9, provider_payment_id="pmt_9", payment_id=str(UUID(int=9))
                ),
            ],
            ("missing_here", ""),
        ),
        ([line(1, "posted", employee_id="E4")], ("wrong_account", "employee")),
        (SWAPPED, ("wrong_account", "loan")),
    ],
)
def test_each_difference_from_the_provider_is_found_and_closed_by_the_next_clean_run(
    database: Database, lines: list[Any], kind: tuple[str, str]
) -> None:
    *events, _ = story(ENDS)
    replaced = {x.payment_id for x in lines} | {str(payment_id(1))}
    rest = [e for e in events if isinstance(e, StatementLine) and e.payment_id not in replaced]
    give(
        database.service,
        *(e for e in events if e.topic.name != "provider-statements"),
        *lines,
        *rest,
        closed([*lines, *rest], 12),
    )
    assert kind in breaks(database.service)
    assert certificates(database.service) == []
    told = published(database.service, "reconciliation-judged.v1")[0]
    assert (told["clean"], told["break_count"], told["breaks"][0]["kind"]) == (
        False,
        len(breaks(database.service)),
        kind[0],
    )
    good = [line(n, THEIRS[end], "run-2") for n, end in ENDS.items()]
    give(database.service, *good, closed(good, 12, "run-2", begun_at=at(200), occurred_at=at(201)))
    assert breaks(database.service) == []
    assert len(certificates(database.service)) == 1
