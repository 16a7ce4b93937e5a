"""Looking for journals of no payment reads each payment once, also of a batch just come in."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ledger.store import comparisons
from services.ledger.tests.conftest import Database

pytestmark = pytest.mark.database
PAYMENTS = 400
INSERT_PAYMENTS = """
    INSERT INTO payment (
        payment_id, batch_id, amount_cents, row_count,
        source_account_id, source_routing, source_last4,
        employee_id, person_index, merchant_id, loan_last4,
        content, approved_at, status_at
    )
    SELECT gen_random_uuid(), :batch_id, 100, 1, '', '', '', '', '', '', '', '', now(), now()
    FROM generate_series(1, :count)"""
INSERT_HOLDS = """
    INSERT INTO journal
    SELECT gen_random_uuid(), batch_id, payment_id, 'hold', 100, 1, 2, now()
    FROM payment
    WHERE batch_id = :batch_id"""
READ = """
    SELECT seq_tup_read + idx_tup_fetch
    FROM pg_stat_xact_user_tables
    WHERE relid = CAST('payment' AS regclass)"""


def insert_batch(connection: Connection, batch_id: UUID) -> None:
    """A batch of payments, each with its journal."""
    run(connection, INSERT_PAYMENTS, batch_id=batch_id, count=PAYMENTS)
    run(connection, INSERT_HOLDS, batch_id=batch_id)


def test_each_payment_is_read_once(database: Database) -> None:
    """The statistics are of the batch before, so this one seems to have one row."""
    batch_id, unknown = uuid4(), uuid4()
    with database.owner.connect() as connection:
        run(connection, "ALTER TABLE journal DISABLE TRIGGER USER")
        insert_batch(connection, uuid4())
        run(connection, "ANALYZE payment, journal")
        insert_batch(connection, batch_id)
        run(
            connection,
            "INSERT INTO journal VALUES (:id, :batch_id, :payment, 'hold', 100, 1, 2, now())",
            id=uuid4(),
            batch_id=batch_id,
            payment=unknown,
        )
        before = run(connection, READ).scalar_one()
        found = comparisons.find_unknown_journals(connection, batch_id)
        read = run(connection, READ).scalar_one() - before
        connection.rollback()
    assert [one.payment_id for one in found] == [unknown]
    assert read <= 2 * PAYMENTS
