"""Rows of people and loans that no test had before, and what an older version did not write."""

from itertools import count
from typing import Any

from libs.common.database.engine import connect, run
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness

_numbers = count(1)


def someone(**changes: str) -> dict[str, str]:
    """A row of a person and a loan that no test had before."""
    number = next(_numbers)
    return {
        "Employee/DunkinId": f"EMP-{number:06d}-abc",
        "Payee/LoanAccountNumber": f"0{number:04d}ab7",
        **changes,
    }


def approved(ingest: IngestHarness, *rows: dict[str, str], **query: str) -> Any:
    batch = ingest.ready(roster(*(row(one) for one in rows)) + b" ", **query)
    answer = ingest.approve(batch)
    assert answer.status_code == 200, answer.text
    return batch


def other_id(one: dict[str, str], **changes: str) -> dict[str, str]:
    return {**one, "Employee/DunkinId": f"EMP-{next(_numbers):06d}-other", **changes}


def include_all(ingest: IngestHarness, batch: Any) -> Any:
    rows = ingest.rows(batch, status="excluded")
    include = [{"row_id": one["row_id"], "reason": "agreed with payroll"} for one in rows]
    return ingest.approve(batch, include=include)


def forget_keys(ingest: IngestHarness, *batches: Any) -> None:
    """Take from these batches what an older version did not write."""
    owner = connect(ingest.owner_url, "test")
    ids = [batch["batch_id"] for batch in batches]
    with owner.begin() as connection:
        for table in ("batch_row", "payment", "person", "claimed_days", "inclusion"):
            run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in (
            "DELETE FROM inclusion WHERE batch_id = ANY(CAST(:ids AS uuid[]))",
            "DELETE FROM claimed_days WHERE batch_id = ANY(CAST(:ids AS uuid[]))",
            "DELETE FROM loan WHERE first_batch_id = ANY(CAST(:ids AS uuid[]))",
            """
            UPDATE batch_row SET person_key = '', loan_key = ''
            WHERE batch_id = ANY(CAST(:ids AS uuid[]))""",
            """
            UPDATE payment SET person_key = '', loan_key = ''
            WHERE batch_id = ANY(CAST(:ids AS uuid[]))""",
            """
            UPDATE person SET person_key = '', first_batch_id = NULL, last_batch_id = NULL
            WHERE row_id IN (
                SELECT row_id FROM batch_row WHERE batch_id = ANY(CAST(:ids AS uuid[])))""",
        ):
            run(connection, statement, ids=ids)
        for table in ("batch_row", "payment", "person", "claimed_days", "inclusion"):
            run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")
    owner.dispose()


def registered(ingest: IngestHarness, *batches: Any) -> dict[str, list[str]]:
    ids = [batch["batch_id"] for batch in batches]
    with ingest.engine.connect() as connection:
        return {
            table: sorted(
                str(dict(one))
                for one in run(
                    connection,
                    f"SELECT * FROM {table} WHERE {column} = ANY(CAST(:ids AS uuid[]))",
                    ids=ids,
                ).mappings()
            )
            for table, column in (
                ("batch_row", "batch_id"),
                ("payment", "batch_id"),
                ("person", "first_batch_id"),
                ("loan", "first_batch_id"),
                ("claimed_days", "batch_id"),
                ("inclusion", "batch_id"),
            )
        }
