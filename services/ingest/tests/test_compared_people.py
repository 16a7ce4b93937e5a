"""People are compared as the rule says for one row: with the row last approved of the person."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest import known_people
from services.ingest.domain.decision import Selection
from services.ingest.store import people
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import someone

pytestmark = pytest.mark.database
#: What differs for each row, found for each row alone, by what was approved last.
ROW_BY_ROW = """
    SELECT r.file_row, r.employee_id, r.status, k.person_index AS known_index,
        r.dob_index <> k.dob_index AS birth_date,
        (r.first_name, r.last_name) <> (k.first_name, k.last_name) AS name,
        r.phone_index <> k.phone_index AS phone,
        r.branch_id <> k.branch_id AS branch
    FROM batch_row r
    LEFT JOIN LATERAL (
        SELECT l.*
        FROM person p
        JOIN batch_row l ON l.row_id = p.row_id
        JOIN approval a ON a.batch_id = l.batch_id
        WHERE p.person_key = r.person_key
        ORDER BY a.approved_at DESC, p.employee_id
        LIMIT 1) k ON true
    WHERE r.batch_id = :id
    ORDER BY r.file_row"""
TODAY = datetime.now(UTC).date()


def some_row(chance: random.Random, person: dict[str, str], loan: int, is_new: bool) -> str:
    """A row of a person, in one of three spellings, some of its details changed."""
    spell = chance.choice((str.upper, str.lower, str))
    details = {
        "Employee/FirstName": ("Ida", "Ada"),
        "Employee/PhoneNumber": ("+15125550100", "+15125550101"),
        "Employee/DunkinBranch": ("BRC-1", "BRC-2"),
        **({"Employee/DOB": ("03-10-1988", "03-11-1988")} if is_new else {}),
    }
    return row(
        {
            **person,
            "Employee/DunkinId": spell(person["Employee/DunkinId"]),
            "Payee/LoanAccountNumber": f"{person['Payee/LoanAccountNumber']}{loan}",
            **{path: chance.choices(values, (3, 1))[0] for path, values in details.items()},
        }
    )


def expected(connection: Connection, batch_id: UUID) -> list[Any]:
    return list(run(connection, ROW_BY_ROW, id=batch_id).all())


def warned(connection: Connection, batch_id: UUID) -> set[tuple[str, int]]:
    found = run(
        connection,
        "SELECT code, file_row FROM issue WHERE batch_id = :id AND code = ANY(:codes)",
        id=batch_id,
        codes=[code for code, _ in known_people._COMPARED],
    )
    return {(one.code, one.file_row) for one in found}


def names(one: Any) -> list[str]:
    """The details of a row that people may accept as changed."""
    differs = (("birth date", one.birth_date), ("name", one.name), ("phone", one.phone))
    return [name for name, found in differs if found]


def first_rows(alone: list[Any]) -> set[tuple[str, int]]:
    """The code and row of each warning: of each employee id the first row that differs."""
    first: dict[tuple[str, str], int] = {}
    for one in alone:
        for code, differs in (
            ("W_EMPLOYEE_NAME", one.name),
            ("W_EMPLOYEE_PHONE", one.phone),
            ("W_EMPLOYEE_BRANCH", one.branch),
        ):
            if differs:
                first.setdefault((code, one.employee_id), one.file_row)
    return {(code, file_row) for (code, _), file_row in first.items()}


@pytest.mark.parametrize("seed", range(3))
def test_people_of_a_batch_are_compared_as_row_by_row(ingest: IngestHarness, seed: int) -> None:
    chance = random.Random(seed)
    known, strangers = [someone() for _ in range(12)], [someone() for _ in range(3)]
    for number in range(1, 4):  # not everybody is in each; the newest batch of a person counts
        paid = chance.sample(known, 8)
        rows = [some_row(chance, one, loan, False) for one in paid for loan in range(2)]
        batch = ingest.ready(roster(*rows), period=str(TODAY + timedelta(days=14 * number)))
        assert ingest.approve(batch).status_code == 200
    rows = [some_row(chance, one, n, True) for one in [*known, *strangers] for n in range(3)]
    chance.shuffle(rows)
    batch = ingest.ready(roster(*rows), period=str(TODAY + timedelta(days=14 * 4)))
    batch_id = UUID(batch["batch_id"])
    with ingest.engine.connect() as connection, connection.begin() as transaction:
        run(connection, "UPDATE batch_row SET status = 'payable' WHERE batch_id = :id", id=batch_id)
        run(connection, "DELETE FROM issue WHERE batch_id = :id", id=batch_id)
        alone = expected(connection, batch_id)
        assert len(alone) == len(rows)
        changed = [one for one in alone if one.birth_date]

        ids = people.list_other_birth_dates(connection, batch_id)
        assert set(ids) == {one.employee_id for one in changed}
        assert people.count_payable_changed(connection, batch_id) == len(changed) > 0
        found = people.find_changed(connection, batch_id, Selection(), "")
        assert [(one.file_row, one.known_index, one.differs) for one in found] == [
            (one.file_row, one.known_index, names(one)) for one in alone
        ]
        known_people.warn(connection, batch_id)
        assert warned(connection, batch_id) == first_rows(alone) != set()
        known_people.refuse_changed(connection, batch_id)
        refused = [one for one in expected(connection, batch_id) if one.status == "refused"]
        assert [one.file_row for one in refused] == [one.file_row for one in changed]
        transaction.rollback()
