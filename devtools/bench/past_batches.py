"""Past batches in ingest's tables, approved and paid, and a registry of other people, by SQL.

A roster that was read and checked becomes the first of the past batches; the others are copies of
its rows in later periods, as the same people are paid every time.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from devtools.bench.past_payments import COLUMNS
from libs.common.database.engine import run
from services.ingest.store import batches, loans, people

PERIOD_DAYS: Final = 14
#: What refuses an approval or a payment that nobody made is off while the past is written.
GUARDED: Final = ("approval", "payment", "payment_row", "claim", "claimed_days", "batch_total")

_APPROVAL: Final = """
    INSERT INTO approval (
        batch_id, digest, approved_by, approved_at, acknowledged, one_person, payments,
        payments_cents)
    SELECT batch_id, digest, 'anna', uploaded_at, '{}', false, 1, 1
    FROM batch
    WHERE batch_id = :id"""
_PAYMENTS: Final = """
    INSERT INTO payment (
        payment_id, batch_id, period, source_account_id, employee_id, loan_index, amount_cents,
        person_key, loan_key)
    SELECT r.payment_id, r.batch_id, b.period, r.source_account_id, r.employee_id, r.loan_index,
        sum(r.amount_cents), r.person_key, r.loan_key
    FROM batch_row r
    JOIN batch b USING (batch_id)
    WHERE r.batch_id = :id AND r.status = 'payable'
    GROUP BY r.payment_id, r.batch_id, b.period, r.source_account_id, r.employee_id, r.loan_index,
        r.person_key, r.loan_key"""
_PAYMENT_ROWS: Final = """
    INSERT INTO payment_row (row_id, payment_id, root_row_id, amount_cents)
    SELECT row_id, payment_id, root_row_id, amount_cents
    FROM batch_row
    WHERE batch_id = :id AND status = 'payable'"""
_CLAIMS: Final = """
    INSERT INTO claim (period, employee_id, loan_index, family_id, batch_id)
    SELECT DISTINCT p.period, p.employee_id, p.loan_index, p.batch_id, p.batch_id
    FROM payment p
    WHERE p.batch_id = :id"""
_DAYS: Final = """
    INSERT INTO claimed_days (person_key, loan_key, days, family_id, batch_id)
    SELECT DISTINCT p.person_key, p.loan_key,
        daterange(b.period, coalesce(b.period_end, b.period + 13), '[]'), b.batch_id, b.batch_id
    FROM payment p
    JOIN batch b USING (batch_id)
    WHERE p.batch_id = :id"""
_PEOPLE: Final = """
    INSERT INTO person (employee_id, row_id, person_key, first_batch_id, last_batch_id)
    SELECT 'EMP-other-' || n, gen_random_uuid(), 'emp-other-' || n, :id, :id
    FROM generate_series(1, :count) AS n"""
_TERMS: Final = """
    INSERT INTO person_term (term, person_key)
    SELECT t.term, 'emp-other-' || n
    FROM generate_series(1, :count) AS n
    CROSS JOIN LATERAL (
        VALUES ('first' || n % 500), ('last' || n % 5000), ('emp-other-' || n)) AS t(term)"""
_LOANS: Final = """
    INSERT INTO loan (loan_key, loan_index, institution_id, row_id, first_batch_id, last_batch_id)
    SELECT md5('other loan ' || n), md5('index ' || n), 'ins_1', gen_random_uuid(), :id, :id
    FROM generate_series(1, :count) AS n"""


def approve_as_past(connection: Connection, batch_id: UUID, past: int) -> None:
    """Make a ready batch the oldest of so many approved and completed ones."""
    for table in GUARDED:
        run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for number in range(past):
        made = batch_id if number == 0 else _copy_batch(connection, batch_id, number)
        for statement in (_APPROVAL, _PAYMENTS, _PAYMENT_ROWS, _CLAIMS, _DAYS):
            run(connection, statement, id=made)
        run(connection, "UPDATE batch SET status = 'completed' WHERE batch_id = :id", id=made)
    people.upsert_people(connection, batch_id)
    loans.upsert_loans(connection, batch_id)
    for table in GUARDED:
        run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")


def add_other_people(connection: Connection, batch_id: UUID, count: int) -> None:
    """Add so many people and loans to the registry that the roster does not name."""
    for statement in (_PEOPLE, _TERMS, _LOANS):
        run(connection, statement, id=batch_id, count=count)


def _copy_batch(connection: Connection, batch_id: UUID, number: int) -> UUID:
    """Copy a batch, its rows and totals into the period after so many others."""
    days = number * PERIOD_DAYS
    name = f"md5('copy {number} of {batch_id}')::uuid"
    _copy(
        connection,
        "batch",
        batch_id,
        {
            "batch_id": name,
            "family_id": name,
            "period": f"period + {days}",
            "period_end": f"period_end + {days}",
            "content_sha256": f"repeat(lpad(to_hex({number}), 2, '0'), 32)",
            "uploaded_at": f"uploaded_at + interval '{days} days'",
        },
    )
    for table in ("batch_source", "batch_total"):
        _copy(connection, table, batch_id, {"batch_id": name})
    renamed = {
        column: f"md5({column} || ' {number}')::uuid"
        for column in ("row_id", "root_row_id", "own_payment_id", "payment_id")
    }
    _copy(connection, "batch_row", batch_id, {"batch_id": name, **renamed})
    made = run(connection, f"SELECT {name}").scalar_one()
    found: UUID = batches.get_batch(connection, made).batch_id
    return found


def _copy(connection: Connection, table: str, batch_id: UUID, changed: Mapping[str, str]) -> None:
    """Copy the rows of a batch within a table, with these columns changed."""
    names = [column.name for column in run(connection, COLUMNS, table=table)]
    values = ", ".join(changed.get(name, name) for name in names)
    run(
        connection,
        f"""
        INSERT INTO {table} ({", ".join(names)})
        SELECT {values}
        FROM {table}
        WHERE batch_id = :id""",  # noqa: S608 - names of columns, and our own text
        id=batch_id,
    )
