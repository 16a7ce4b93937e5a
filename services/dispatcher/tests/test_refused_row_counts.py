"""How many of a batch's rows the provider refused: their person or their loan."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from services.dispatcher.store import refused_rows
from services.dispatcher.tests.factories import ROWS_PER_PERSON
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database


@pytest.fixture
def batch(engines: tuple[Engine, Engine]) -> ManualDispatcher:
    """Three people with a row, a loan and a payment each for every one of their rows."""
    return ManualDispatcher(*engines, 3 * ROWS_PER_PERSON)


def count(batch: ManualDispatcher) -> int:
    with batch.engine.connect() as connection:
        return refused_rows.count_refused_rows(connection, batch.batch_id)["rows"]


def refuse(batch: ManualDispatcher, kind: str, numbers: Sequence[int], change: str) -> None:
    """Change these objects of a kind, in the order of their employees and loans."""
    batch.rows(
        f"""
        UPDATE object
        SET {change}
        WHERE object_id IN (
            SELECT o.object_id
            FROM object o
            LEFT JOIN object h ON h.object_id = o.holder_id
            WHERE o.kind = :kind
            ORDER BY o.employee_id, h.employee_id, o.number_index
            OFFSET :first
            LIMIT :count
        )
        RETURNING 1""",
        kind=kind,
        first=numbers[0],
        count=len(numbers),
    )


def test_nothing_is_refused(batch: ManualDispatcher) -> None:
    assert count(batch) == 0


def test_all_rows_of_a_refused_person_and_one_of_a_refused_loan(batch: ManualDispatcher) -> None:
    refuse(batch, "individual", [0], "status = 'failed'")
    assert count(batch) == ROWS_PER_PERSON
    refuse(batch, "liability", [0], "status = 'inactive'")  # of the same person: counted once
    assert count(batch) == ROWS_PER_PERSON
    refuse(batch, "liability", [ROWS_PER_PERSON], "status = 'held'")
    assert count(batch) == ROWS_PER_PERSON + 1


def test_a_refusal_counts_while_the_object_is_tried_again(batch: ManualDispatcher) -> None:
    refuse(batch, "liability", [0, 1], "status = 'unprocessed', refused_code = 'closed'")
    assert count(batch) == 2


def test_refusals_of_other_people_do_not_count(batch: ManualDispatcher) -> None:
    refuse(batch, "individual", [0, 1, 2], "status = 'failed'")
    batch.rows("UPDATE batch_row SET employee_id = 'EMP-other' RETURNING 1")
    assert count(batch) == 0


def test_a_refused_account_of_an_employer_is_no_refused_row(batch: ManualDispatcher) -> None:
    refuse(batch, "ach", [0, 1], "status = 'failed'")
    refuse(batch, "corporation", [0], "status = 'failed'")
    assert count(batch) == 0
