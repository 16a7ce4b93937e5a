"""What left the accounts in a pay period costs what the period has, however old the books are."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ledger.store import source_money
from services.ledger.tests.conftest import Database

pytestmark = pytest.mark.database
PAST_BATCHES, JOURNALS = 100, 100
DAY = date(2026, 11, 20)
INSERT = """
    WITH journals AS (
        INSERT INTO journal
        SELECT gen_random_uuid(), :batch_id, gen_random_uuid(), 'settle', 100, 1, 2, :at
        FROM generate_series(1, :count)
        RETURNING journal_id, batch_id
    ), entries AS (
        INSERT INTO entry
        SELECT journal_id, 1, batch_id, 'source:A', 'posted', -100, -1 FROM journals
    )
    INSERT INTO balance VALUES (:batch_id, 'source:A', 'posted', -100 * :count, -:count)"""
READ = """
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))
    FROM pg_stat_xact_user_tables
    WHERE relname IN ('journal', 'entry')"""


def insert_batch(connection: Connection, at: date) -> None:
    """A batch whose payments were made on a day, as the books have them."""
    run(connection, INSERT, batch_id=uuid4(), at=at, count=JOURNALS)


def test_only_the_journals_of_the_period_are_read(database: Database) -> None:
    with database.owner.connect() as connection:
        for table in ("journal", "entry", "balance"):
            run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for number in range(PAST_BATCHES):
            insert_batch(connection, date(2025, 1, 1) + timedelta(number))
        insert_batch(connection, DAY)
        run(connection, "ANALYZE journal, entry, balance")
        before = run(connection, READ).scalar_one()
        found = source_money.sum_accounts(connection, DAY, DAY)
        read = run(connection, READ).scalar_one() - before
        connection.rollback()
    assert found == {"A": (100 * JOURNALS, 0, 0)}
    assert read <= 3 * JOURNALS
