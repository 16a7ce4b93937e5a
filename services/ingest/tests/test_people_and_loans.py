"""A loan is paid once for a person on the same days, however ids are spelled or periods named."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from libs.common.database.engine import connect, run
from services.ingest import registry
from services.ingest.double_approvals import EVERY_S, DoubleApprovals
from services.ingest.store import claimed_days
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period
from services.ingest.tests.people_and_loans import (
    approved,
    forget_keys,
    other_id,
    registered,
    someone,
)

pytestmark = pytest.mark.database


@pytest.mark.parametrize(
    ("field", "spell"),
    [
        ("Employee/DunkinId", str.upper),
        ("Employee/DunkinId", lambda text: text + "\u00a0"),
        ("Employee/DunkinId", lambda text: text.replace("EMP", "\uff25\uff2d\uff30")),
        ("Payee/LoanAccountNumber", lambda text: "00" + text),
        ("Payee/LoanAccountNumber", lambda text: text[:4] + "-" + text[4:]),
        ("Payee/LoanAccountNumber", str.upper),
    ],
)
def test_another_spelling_is_excluded_in_the_same_period(
    ingest: IngestHarness, field: str, spell: Any
) -> None:
    one = someone()
    first = approved(ingest, one)
    second = ingest.ready(roster(row({**one, field: spell(one[field])})))
    (shown,) = ingest.rows(second)
    assert (shown["status"], shown["reason_code"]) == ("excluded", "already_in_period")
    assert shown["reason"] == f"already in batch {first['batch_id']} of this period"


def test_of_two_spellings_that_were_checked_at_once_one_is_approved(ingest: IngestHarness) -> None:
    one = someone()
    first = ingest.ready(roster(row(one)))
    second = ingest.ready(roster(row({**one, "Employee/DunkinId": one["Employee/DunkinId"] + " "})))
    third = ingest.ready(
        roster(row({**one, "Payee/LoanAccountNumber": "0" + one["Payee/LoanAccountNumber"]}))
    )
    assert [ingest.approve(batch).status_code for batch in (first, second, third)] == [
        *(200, 409, 409)
    ]


def test_days_that_two_calendars_name_differently_are_claimed_once(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    shifted = ingest.upload(roster(row(one)) + b"\n")
    batch_id = shifted.json()["batch_id"]
    with ingest.engine.begin() as connection:  # as another calendar would have named it
        run(
            connection,
            """
            UPDATE batch
            SET period = period + 13, period_end = period + 43
            WHERE batch_id = :id""",
            id=batch_id,
        )
    ingest.read_all()
    second = ingest.check(batch_id)
    (shown,) = ingest.rows(second)
    last = date.fromisoformat(first["period"]) + timedelta(days=13)
    assert shown["reason"] == (
        f"already in batch {first['batch_id']} for days of this period ({last} to {last})"
    )
    assert [one["code"] for one in second["issues"]].count("W_OVERLAP") == 1
    include = [{"row_id": shown["row_id"], "reason": "a correction: wrong period"}]
    assert ingest.approve(second, include=include).status_code == 200


def test_the_database_refuses_days_that_overlap(ingest: IngestHarness) -> None:
    approved(ingest, someone())
    for shift, refused in ((13, True), (-13, True), (14, False), (-14, False)):
        with ingest.engine.connect() as connection:
            statement = """
                INSERT INTO claimed_days (person_key, loan_key, days, family_id, batch_id)
                SELECT person_key, loan_key,
                    daterange(lower(days) + :shift, upper(days) + :shift), batch_id, batch_id
                FROM claimed_days
                LIMIT 1"""
            if refused:
                with pytest.raises(IntegrityError, match="days_are_claimed_once"):
                    run(connection, statement, shift=shift)
            else:
                assert run(connection, statement, shift=shift).rowcount == 1


def test_claimed_days_of_a_payment_that_stands_stay(ingest: IngestHarness) -> None:
    approved(ingest, someone())
    owner = connect(ingest.owner_url, "test")
    for statement in (
        "DELETE FROM claimed_days",
        "UPDATE claimed_days SET days = daterange('2020-01-01', '2020-01-02')",
        "UPDATE batch_row SET person_key = 'x' WHERE person_key <> ''",
        "UPDATE payment SET loan_key = 'x' WHERE loan_key <> ''",
    ):
        with owner.connect() as connection, pytest.raises(DBAPIError, match=r"stands|stays"):
            run(connection, statement)
    owner.dispose()


def test_a_failed_payment_frees_its_days_for_every_spelling(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    ingest.end(first, ingest.payments(first))
    spelled = {**one, "Employee/DunkinId": one["Employee/DunkinId"].upper()}
    approved(ingest, spelled)
    third = ingest.ready(roster(row(one)) + b"\n\n")
    assert third["rows"]["excluded"] == 1


def test_days_stay_while_a_payment_of_another_spelling_stands(ingest: IngestHarness) -> None:
    one = someone()
    spelled = {**one, "Employee/DunkinId": one["Employee/DunkinId"].upper(), "Amount": "$8.00"}
    first = approved(ingest, one, spelled)
    payments = {
        shown["employee_id"]: shown["payment_id"] for shown in ingest.rows(first, status="payable")
    }
    assert len(payments) == 2
    ingest.end(first, [payments[one["Employee/DunkinId"]]])
    later = ingest.ready(roster(row(one)) + b"\n")
    assert later["rows"]["excluded"] == 1
    ingest.end(first, [payments[spelled["Employee/DunkinId"]]])
    assert ingest.check_again(later)["rows"]["payable"] == 1


def test_the_next_period_is_free(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    spelled = {**one, "Employee/DunkinId": one["Employee/DunkinId"].upper()}
    approved(ingest, spelled, period=next_period(first))


def test_another_person_with_the_same_loan_is_a_warning(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    other = other_id(
        one,
        **{
            "Employee/FirstName": "Bo",
            "Payee/LoanAccountNumber": "0" + one["Payee/LoanAccountNumber"],
        },
    )
    second = ingest.ready(roster(row(other)))
    assert second["rows"]["payable"] == 1
    assert "W_LOAN_OTHER_PERSON" in second["to_acknowledge"]
    (issue,) = ingest.get(f"/batches/{second['batch_id']}/issues", code="W_LOAN_OTHER_PERSON")[
        "items"
    ]
    assert issue["value"] == (
        f"{one['Employee/DunkinId']} in batch {first['batch_id']} (another name, same birth date)"
    )
    assert ingest.approve(second, acknowledge=[]).json()["code"] == "approval.unacknowledged"
    assert ingest.approve(second).status_code == 200


def test_one_person_with_two_ids_is_excluded_and_an_approver_may_include_it(
    ingest: IngestHarness,
) -> None:
    one = someone()
    first = approved(ingest, one)
    second = ingest.ready(roster(row(other_id(one, **{"Employee/FirstName": "IDA"}))))
    (shown,) = ingest.rows(second)
    assert (shown["status"], shown["reason_code"]) == ("excluded", "same_person_in_period")
    assert shown["reason"].startswith(f"already in batch {first['batch_id']} on days of this")
    assert "W_LOAN_OTHER_PERSON" in second["to_acknowledge"]
    include = [{"row_id": shown["row_id"], "reason": "twins"}]
    assert ingest.approve(second, include=include).status_code == 200


def test_an_approval_sees_who_was_approved_since_the_check(ingest: IngestHarness) -> None:
    one = someone()
    first, second = ingest.ready(roster(row(one))), ingest.ready(roster(row(other_id(one))))
    assert second["rows"]["payable"] == 1
    assert ingest.approve(first).status_code == 200
    assert ingest.approve(second).json()["code"] == "approval.claims-moved"
    assert ingest.check(second["batch_id"])["rows"]["excluded"] == 1


def test_a_birth_date_is_compared_under_every_spelling(ingest: IngestHarness) -> None:
    one = someone()
    approved(ingest, one)
    spelled = {
        **one,
        "Employee/DunkinId": one["Employee/DunkinId"].upper(),
        "Employee/DOB": "03-11-1988",
    }
    (shown,) = ingest.rows(ingest.ready(roster(row(spelled))))
    assert shown["reason_code"] == "E_EMPLOYEE_OTHER_DOB"


def test_the_registry_keeps_every_spelling_with_its_first_and_last_batch(
    ingest: IngestHarness,
) -> None:
    one = someone()
    first = approved(ingest, one)
    spelled = {
        "Employee/DunkinId": one["Employee/DunkinId"].upper(),
        "Payee/LoanAccountNumber": "0-" + one["Payee/LoanAccountNumber"],
    }
    second = approved(ingest, {**one, **spelled}, period=next_period(first))
    third = approved(ingest, {**one, "Amount": "$8.00"}, period=next_period(second))
    key = one["Employee/DunkinId"].lower()
    with ingest.engine.connect() as connection:
        people = run(
            connection,
            """
            SELECT employee_id, first_batch_id::text, last_batch_id::text
            FROM person
            WHERE person_key = :key
            ORDER BY employee_id DESC""",
            key=key,
        ).all()
        loans = run(
            connection,
            """
            SELECT first_batch_id::text, last_batch_id::text
            FROM loan
            WHERE loan_key IN (SELECT loan_key FROM claimed_days WHERE person_key = :key)""",
            key=key,
        ).all()
    expected = {
        (first["batch_id"], third["batch_id"]),
        (second["batch_id"], second["batch_id"]),
    }
    assert {tuple(one)[1:] for one in people} == expected == {tuple(one) for one in loans}


def test_what_an_older_version_wrote_is_filled_as_if_it_had_known_the_keys(
    ingest: IngestHarness,
) -> None:
    one, two, open_row = someone(), someone(), someone()
    first = approved(ingest, one, two)
    open_batch = ingest.ready(roster(row(open_row)))
    before = registered(ingest, first, open_batch)
    forget_keys(ingest, first, open_batch)
    assert registered(ingest, first, open_batch) != before
    assert ingest.approve(open_batch).json()["code"] == "approval.claims-moved"
    for _ in range(2):
        registry.fill_all(ingest.engine, ingest.encryption)
        assert registered(ingest, first, open_batch) == before
    assert ingest.approve(ingest.check(open_batch["batch_id"])).status_code == 200


def test_loans_that_were_approved_twice_are_listed(ingest: IngestHarness) -> None:
    now = [0.0]
    checks = DoubleApprovals(ingest.engine, lambda: now[0])
    assert checks.check() == {"loans approved twice": ""}
    one = someone()
    first = approved(ingest, one)
    forget_keys(ingest, first)
    spelled = {**one, "Employee/DunkinId": one["Employee/DunkinId"].upper()}
    # As long as the keys of the first batch are missing, nothing shows that the loan is the same.
    second = ingest.upload(roster(row(spelled))).json()
    with ingest.engine.begin() as connection:
        assert claimed_days.list_claimed_twice(connection) == []
    ingest.read_all()
    second = ingest.check_without_keys(second["batch_id"])
    assert ingest.approve(second).status_code == 200
    forget_keys(ingest, second)
    registry.fill_all(ingest.engine, ingest.encryption)
    with ingest.engine.begin() as connection:
        (found,) = claimed_days.list_claimed_twice(connection)
    assert (str(found.batch_id), found.employee_id) == (
        second["batch_id"],
        spelled["Employee/DunkinId"],
    )
    assert (str(found.other_batch_id), found.other_employee_id) == (
        first["batch_id"],
        one["Employee/DunkinId"],
    )
    now[0] += EVERY_S
    sentence = checks.check()["loans approved twice"]
    assert sentence.startswith("1 loans were approved twice")
    assert f"{first['batch_id']} and {second['batch_id']}" in sentence
    assert one["Employee/DunkinId"] not in sentence
    ingest.end(second, ingest.payments(second))
    now[0] += EVERY_S
    assert checks.check() == {"loans approved twice": ""}
