"""Speed: 50,000 journals as one statement with every guard on, and messages through consumers."""

import sys
import time
from collections.abc import Sequence
from uuid import uuid5

import pytest

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.payments import PaidRow
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging.consumer import apply_batch
from services.ledger import consumers
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import BATCH, approved, changed, payment_id

pytestmark = pytest.mark.database

HOLDS = """
    WITH p AS (
        SELECT
            i,
            gen_random_uuid() AS journal_id, gen_random_uuid() AS payment_id,
            100 + i % 900 AS cents
        FROM generate_series(1, 50000) AS i
    ),
    head AS (
        INSERT INTO journal
        SELECT journal_id, CAST(:b AS uuid), payment_id, 'hold', cents, 1, 2, now()
        FROM p
    )
    INSERT INTO entry
    SELECT journal_id, 1, CAST(:b AS uuid), 'source:' || i % 5, 'pending', -cents, -1
    FROM p
    UNION ALL
    SELECT journal_id, 2, CAST(:b AS uuid), 'branch:' || i % 2000, 'pending', cents, 1
    FROM p"""
SETTLEMENTS = """
    WITH h AS (
        SELECT *, gen_random_uuid() AS final_id
        FROM journal
        WHERE kind = 'hold'
    ),
    head AS (
        INSERT INTO journal
        SELECT final_id, batch_id, payment_id, 'settle', amount_cents, row_count, 4, now()
        FROM h
    )
    INSERT INTO entry
    SELECT
        h.final_id, e.n, e.batch_id, e.account, 'pending',
        -e.amount_cents, -e.row_count
    FROM h
    JOIN entry e USING (journal_id)
    UNION ALL
    SELECT
        h.final_id, e.n + 2, e.batch_id, e.account, 'posted',
        e.amount_cents, e.row_count
    FROM h
    JOIN entry e USING (journal_id)"""


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nledger: {line}\n")


def timed(database: Database, sql: str) -> float:
    since = time.monotonic()
    with database.service.begin() as connection:
        run(connection, sql, b=str(BATCH))
    return time.monotonic() - since


def test_fifty_thousand_holds_and_settlements(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    hold_s = timed(database, HOLDS)
    with database.owner.begin() as connection:
        # For the statement of this test. The guards do without.
        run(connection, "ANALYZE journal, entry")
    settle_s = timed(database, SETTLEMENTS)
    say(capsys, f"50,000 holds {hold_s:.1f} s, 50,000 settlements {settle_s:.1f} s")
    # The aim is 3 s and 8 s on two idle cores. The machine of a test is shared.
    assert hold_s < 3 * 4
    assert settle_s < 8 * 4


def consumed(database: Database, events: Sequence[Event], size: int = 500) -> float:
    topic = events[0].topic
    messages = [
        Message(topic.name, 0, n, e.key(), e.type, str(e.event_id), e.body(), e.correlation)
        for n, e in enumerate(events)
    ]
    with database.service.begin() as connection:
        run(connection, "INSERT INTO consumer_offset VALUES ('c', :t, 0, 0)", t=topic.name)
    since = time.monotonic()
    for start in range(0, len(messages), size):
        with database.service.begin() as connection:
            apply_batch(connection, "c", messages[start : start + size], consumers.APPLIES[topic])
    return len(messages) / (time.monotonic() - since)


def test_messages_through_the_consumers(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    approvals, changes = [], []
    for n in range(4_000):
        pid = uuid5(payment_id(2), str(n))
        row = PaidRow(
            row_id=uuid5(pid, "row"),
            root_row_id=pid,
            file_row=n + 1,
            branch_id=str(n % 500),
            amount_cents=938,
        )
        approvals.append(approved(2, payment_id=pid, event_id=pid, rows=(row,)))
        changes += [
            changed(2, v, status, payment_id=pid, event_id=uuid5(pid, str(v)))
            for v, status in enumerate(("sending", "pending", "completed"), start=1)
        ]
    approved_rate, changed_rate = consumed(database, approvals), consumed(database, changes)
    say(capsys, f"{approved_rate:,.0f} approvals/s, {changed_rate:,.0f} status events/s")
    with database.service.connect() as connection:
        assert (
            run(connection, "SELECT count(*) FROM journal WHERE kind = 'settle'").scalar() == 4_000
        )
        assert run(connection, "SELECT count(*) FROM dead_letter").scalar() == 0
    assert approved_rate > 300
    assert changed_rate > 300
