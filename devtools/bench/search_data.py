"""Rows and payments for the bench of the search: 26 batches of the same people, filled by SQL.

Everything about payment `n` follows from its number, so a client can search for it.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from libs.common.database.engine import run

BATCHES = 26
#: 40 first and 500 last names; every 20,000th person has the same.
FIRST = "'First' || chr(97 + n % 20) || chr(97 + n % 2) || 'ine'"
LAST = "'Last' || chr(97 + n % 25) || chr(97 + n % 20) || 'son'"

#: Everything is about payment n of `count`; its person is n modulo the people of one batch.
QUERIES: Mapping[str, Callable[[int], str]] = {
    "name": lambda n: f"last{chr(97 + n % 25)}{chr(97 + n % 20)} first{chr(97 + n % 20)}",
    "common name": lambda n: f"first{chr(97 + n % 20)}",
    "employee id": lambda n: f"emp-{n % 1_000:07d}",
    "last four": lambda n: f"{n % 10_000:04d}",
    "provider's id": lambda n: f"pmt_{n:09d}",
    "trace id": lambda n: f"091{n:012d}",
    "branch": lambda n: f"BRC-{n % 300:04d}",
    "period": lambda n: f"roster-{n % BATCHES:02d}",
}

_PEOPLE = "greatest(1000, :count / 26)"
_BATCHES = """
    INSERT INTO batch (
        batch_id, family_id, status, version, revision, filename, period, period_end,
        content_sha256, uploaded_by, uploaded_at, digest)
    SELECT md5('batch ' || b)::uuid, md5('batch ' || b)::uuid, 'completed', 1, 1,
        'roster-' || lpad(b::text, 2, '0') || '.xml', date '2026-01-05' + 14 * b,
        date '2026-01-18' + 14 * b, repeat(lpad(to_hex(b), 2, '0'), 32), 'maria',
        timestamptz '2026-01-05 12:00+00' + b * interval '14 days',
        'sha256:' || repeat('0', 64)
    FROM generate_series(0, 25) AS b"""
_ROWS = f"""
    INSERT INTO batch_row (
        row_id, root_row_id, batch_id, file_row, line, status, own_payment_id, payment_id,
        employee_id, branch_id, source_account_id, institution_id, first_name, last_name,
        loan_last4, loan_index, person_index, dob_index, phone_index, amount_text, amount_cents,
        person_key, loan_key)
    SELECT md5('row ' || i)::uuid, md5('row ' || i)::uuid, md5('batch ' || i / people)::uuid,
        n + 1, n + 1, 'payable', md5('payment ' || i)::uuid, md5('payment ' || i)::uuid,
        'EMP-' || lpad(n::text, 7, '0'), 'BRC-' || lpad((n % 300)::text, 4, '0'), 'CORP-1', 'ins_1',
        {FIRST}, {LAST}, lpad((i % 10000)::text, 4, '0'), md5('loan ' || n), 'p', 'd', 't',
        '$200.00', 20000, 'emp-' || lpad(n::text, 7, '0'), md5('loan key ' || n)
    FROM (
        SELECT i, i % people AS n, people
        FROM (SELECT CAST({_PEOPLE} AS int) AS people) p
        CROSS JOIN generate_series(0, :count - 1) AS i
        WHERE i / people < 26) numbered"""  # noqa: S608 - our own text
_APPROVALS = """
    INSERT INTO approval (
        batch_id, digest, approved_by, approved_at, acknowledged, one_person, payments,
        payments_cents)
    SELECT batch_id, digest, 'anna', uploaded_at, '{}', false, 1, 1
    FROM batch"""
_PAYMENTS = """
    INSERT INTO payment (
        payment_id, batch_id, period, source_account_id, employee_id, loan_index, amount_cents,
        person_key, loan_key)
    SELECT payment_id, batch_id, b.period, source_account_id, employee_id, loan_index,
        amount_cents, person_key, loan_key
    FROM batch_row
    JOIN batch b USING (batch_id)"""
_TOTALS = """
    INSERT INTO batch_total (batch_id, kind, id, status, rows, amount_cents)
    SELECT batch_id, 'branch', branch_id, 'payable', count(*), sum(amount_cents)
    FROM batch_row
    GROUP BY batch_id, branch_id
    UNION ALL
    SELECT batch_id, 'source', source_account_id, 'payable', count(*), sum(amount_cents)
    FROM batch_row
    GROUP BY batch_id, source_account_id"""
_REPORTED = """
    INSERT INTO payment (
        payment_id, batch_id, approved_at, approved_by, amount_cents, source_account_id,
        employee_id, institution_id, loan_last4, version, status, provider_payment_id,
        source_trace_id, destination_trace_id)
    SELECT md5('payment ' || i)::uuid, md5('batch ' || i % 26)::uuid,
        timestamptz '2026-01-05 12:00+00' + i * interval '1 second', 'anna', 20000, 'CORP-1',
        'EMP-1', 'ins_1', lpad((i % 10000)::text, 4, '0'), 5, 'completed',
        'pmt_' || lpad(i::text, 9, '0'), '091' || lpad(i::text, 12, '0'),
        '092' || lpad(i::text, 12, '0')
    FROM generate_series(0, :count - 1) AS i"""


def fill_ingest(connection: Connection, count: int) -> None:
    """Insert batches, rows with their words, approvals and payments, and collect statistics.

    What refuses an approval without a check, and a payment without a claim, is off meanwhile.
    """
    run(connection, _BATCHES)
    run(connection, _ROWS, count=count)
    for table in ("approval", "payment"):
        run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    run(connection, _APPROVALS)
    run(connection, _PAYMENTS)
    for table in ("approval", "payment"):
        run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")
    run(connection, _TOTALS)
    run(connection, "ANALYZE")


def fill_reports(connection: Connection, count: int) -> None:
    """Insert payments, and collect statistics."""
    run(connection, _REPORTED, count=count)
    run(connection, "ANALYZE")
