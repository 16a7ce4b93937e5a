"""A message that is wrong for ever becomes a dead letter; the others are applied."""

from uuid import UUID

import pytest

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.database.engine import run
from libs.common.messaging.consumer import redrive
from services.ledger import consumers
from services.ledger.reconciliation.overdue import check_overdue
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    BATCH,
    approved,
    batch,
    changed,
    closed,
    line,
    payment_id,
)
from services.ledger.tests.harness import (
    ENDS,
    batch_events,
    breaks,
    certificates,
    consume,
    deliver,
    rows,
    state,
)

pytestmark = pytest.mark.database


def test_a_rejected_message_is_buried_alone(database: Database) -> None:
    events = batch_events(ENDS)
    wrong = changed(4, 3, "completed", amount_cents=1, event_id=UUID(int=7))
    deliver(database.service, *(e for e in events if e.topic.name != "status-events"))
    consume(database.service, [wrong, *(e for e in events if e.topic.name == "status-events")])
    assert [
        (row.code, row.event_id) for row in rows(database.service, "SELECT * FROM dead_letter")
    ] == [("ledger.conflict", UUID(int=7))]
    assert rows(
        database.service, "SELECT status FROM payment WHERE payment_id = :p", p=payment_id(4)
    ) == [("completed",)]
    assert certificates(database.service) == []


def test_two_approvals_of_a_payment_in_one_turn_are_one_or_a_conflict(database: Database) -> None:
    again = approved(1, event_id=UUID(int=8))
    other = approved(2, employee_id="E9", event_id=UUID(int=9))
    deliver(database.service, batch(), approved(1), again)
    with pytest.raises(Reject, match="two approvals of one payment differ"):
        deliver(database.service, approved(2), other)
    assert rows(database.service, "SELECT payment_id FROM payment") == [(payment_id(1),)]


#: A release of payment 4 that nobody asked for.
RELEASE_4 = """
    WITH head AS (
        INSERT INTO journal
        SELECT
            gen_random_uuid(), batch_id, payment_id, 'release',
            amount_cents, row_count, entry_count, posted_at
        FROM journal
        WHERE payment_id = CAST(:p AS uuid)
            AND batch_id = CAST(:b AS uuid)
            AND kind = 'hold'
        RETURNING *
    )
    INSERT INTO entry
    SELECT
        head.journal_id, e.n, e.batch_id, e.account, e.layer,
        -e.amount_cents, -e.row_count
    FROM head, journal h
    JOIN entry e USING (journal_id)
    WHERE h.payment_id = head.payment_id
        AND h.kind = 'hold'"""


def test_a_journal_the_database_refuses_is_a_dead_letter_and_the_rest_goes_on(
    database: Database,
) -> None:
    events = batch_events(ENDS)
    deliver(database.service, *(e for e in events if e.topic.name != "status-events"))
    with database.owner.begin() as connection:
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
        redrive(connection, letters[0].dead_letter_id, consumers.apply_changes, "olga")


def test_a_foreign_dead_letter_of_the_batch_is_reported_and_its_redrive_frees_the_certificate(
    database: Database,
) -> None:
    *events, last = batch_events(ENDS)
    deliver(database.service, *events)
    with database.service.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset,
                correlation, body, code, reason
            )
            VALUES (
                'c', 't', 0, 0,
                :b, '', 'event.unknown', 'r'
            )""",
            b=str(BATCH),
        )
    deliver(database.service, last)
    assert breaks(database.service)[0][0] == "dead_letter"
    assert certificates(database.service) == []
    with database.service.begin() as connection:
        run(connection, "UPDATE dead_letter SET redriven_at = now()")
    check_overdue(database.service, 900)
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
    deliver(database.service, *batch_events(ENDS))
    before = state(database.service)
    with pytest.raises(Reject) as caught:
        deliver(database.service, again)
    assert caught.value.code == code
    assert state(database.service) == before
