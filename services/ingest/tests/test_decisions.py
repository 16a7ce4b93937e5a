"""People decide about rows before the approval: exclude, include, and take a decision back."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, InternalError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from libs.common.web.internal_auth import COUNTS_AS
from services.ingest.domain.amendment import check_accepted_people
from services.ingest.domain.decision import check_number
from services.ingest.domain.errors import RequestError
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness
from services.ingest.tests.people_and_loans import approved, other_id, registered, someone

pytestmark = pytest.mark.database


def three(ingest: IngestHarness) -> tuple[Any, list[dict[str, str]]]:
    """A ready batch: two rows of one person, of $7.03 and $8.00, and one of another."""
    first, other = someone(), someone()
    second = {**first, "Payee/LoanAccountNumber": "9" + first["Payee/LoanAccountNumber"]}
    people = [first, {**second, "Amount": "$8.00"}, other]
    return ingest.ready(roster(*(row(one) for one in people))), people


def people_of(one: Any) -> list[str]:
    return [person["name"] for person in one["people"]]


def decide(ingest: IngestHarness, batch: Any, who: str = "peter", **decision: Any) -> Any:
    more: dict[str, Any] = {
        name: decision.pop(name) for name in ("dry_run", "digest") if name in decision
    }
    one = {"act": "exclude", "reason": "on leave", **decision}
    body = {"decisions": [one], **more}
    return ingest.call("POST", f"/batches/{batch['batch_id']}/decisions", who, json=body)


def listed(ingest: IngestHarness, batch: Any) -> Any:
    return ingest.get(f"/batches/{batch['batch_id']}/decisions")["items"]


def take_back(ingest: IngestHarness, batch: Any, one: Any, who: str = "peter") -> Any:
    path = f"/batches/{batch['batch_id']}/decisions/{one['decision_id']}"
    return ingest.call("DELETE", path, who)


def test_a_dry_run_says_rows_and_money_and_changes_nothing(ingest: IngestHarness) -> None:
    batch, people = three(ingest)
    answer = decide(
        ingest, batch, employee_id=people[0]["Employee/DunkinId"].upper() + " ", dry_run=True
    )
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["decisions"]
    assert (one["rows"], one["amount_cents"], one["payable_cents_change"]) == (2, 1503, -1503)
    assert answer.json()["payable_before"] == {"rows": 3, "amount_cents": 2206}
    assert answer.json()["payable_after"] == {"rows": 1, "amount_cents": 703}
    assert ingest.batch(batch["batch_id"]) == batch
    assert listed(ingest, batch) == []


def test_an_excluded_person_is_not_paid_and_the_row_says_who_and_why(ingest: IngestHarness) -> None:
    batch, people = three(ingest)
    answer = decide(
        ingest, batch, employee_id=people[0]["Employee/DunkinId"].upper(), evidence="ticket 7"
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "checking")
    assert decide(ingest, batch, employee_id="x").json()["code"] == "decision.not-ready"
    now = ingest.check(batch["batch_id"])
    assert now["digest"] != batch["digest"]
    assert (now["rows"]["payable"], now["rows"]["excluded"]) == (1, 2)
    assert now["amount_cents"]["excluded"] == 1503
    shown = ingest.rows(now, status="excluded")
    assert {(one["reason_code"], one["reason"]) for one in shown} == {
        ("excluded_by_person", "excluded by peter: on leave")
    }
    (one,) = listed(ingest, now)
    assert (one["decided_by"], one["reason"], one["evidence"], one["rows"]) == (
        *("peter", "on leave", "ticket 7", 2),
    )
    assert one["seen_digest"] == batch["digest"]
    assert ingest.approve(now).status_code == 200
    assert len(ingest.payments(now)) == 1
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    assert [(d.file_rows, d.decided_by, d.reason) for d in event.decisions] == [
        ("1-2", "peter", "on leave")
    ]
    assert "peter" in event.barred
    rows = {one.row_id: one for one in ingest.published(batch["batch_id"], RowRead)}
    assert [one.reason for one in rows.values()] == ["excluded by peter: on leave"] * 2 + [""]
    assert decide(ingest, now, row_id=shown[0]["row_id"]).json()["code"] == "decision.not-ready"


def test_who_decides_or_takes_back_cannot_approve(ingest: IngestHarness) -> None:
    batch, _ = three(ingest)
    rows = ingest.rows(batch)
    assert decide(ingest, batch, "maria", row_id=rows[0]["row_id"]).status_code == 200
    batch = ingest.check(batch["batch_id"])
    assert ingest.approve(batch, "maria").json()["code"] == "approval.same-person"
    by_token = ingest.call(
        "POST",
        f"/batches/{batch['batch_id']}/approve",
        "anna",
        json={"digest": batch["digest"]},
        headers={COUNTS_AS: "maria"},
    )
    assert by_token.json()["code"] == "approval.same-person"
    (one,) = listed(ingest, batch)
    assert take_back(ingest, batch, one, "otto").status_code == 403
    assert take_back(ingest, batch, one, "adam").status_code == 200
    assert take_back(ingest, batch, one, "adam").status_code == 200, "again: the same answer"
    batch = ingest.check(batch["batch_id"])
    assert batch["rows"]["payable"] == 3
    for who in ("maria", "adam"):
        assert ingest.approve(batch, who).json()["code"] == "approval.same-person"
    assert ingest.approve(batch, "anna").status_code == 200
    (one,) = listed(ingest, batch)
    assert (one["decided_by"], one["withdrawn_by"]) == ("maria", "adam")


def test_the_database_refuses_the_decider_as_approver(ingest: IngestHarness) -> None:
    batch, _ = three(ingest)
    decide(ingest, batch, row_id=ingest.rows(batch)[0]["row_id"])
    batch = ingest.check(batch["batch_id"])
    with ingest.engine.connect() as connection:
        run(
            connection,
            "UPDATE batch SET status = 'approved' WHERE batch_id = :id",
            id=batch["batch_id"],
        )
        with pytest.raises(Exception, match="had a hand in this batch"):
            run(
                connection,
                """
                INSERT INTO approval (batch_id, digest, approved_by, approved_at, acknowledged,
                    one_person, payments, payments_cents)
                VALUES (:id, :digest, 'peter', now(), '{}', false, 1, 1)""",
                id=batch["batch_id"],
                digest=batch["digest"],
            )


def test_a_filter_decides_about_every_row_it_finds(ingest: IngestHarness) -> None:
    batch, people = three(ingest)
    source = people[0].get("Payor/DunkinId", "CORP-1")
    answer = decide(ingest, batch, filter={"source": source, "status": "payable"})
    assert answer.json()["decisions"][0]["rows"] == 3
    batch = ingest.check(batch["batch_id"])
    assert batch["rows"]["payable"] == 0
    assert ingest.approve(batch).json()["code"] == "approval.nothing-payable"
    assert listed(ingest, batch)[0]["target"] == f"rows with status payable, source {source}"


def test_what_was_searched_for_is_on_no_topic(ingest: IngestHarness) -> None:
    batch, _ = three(ingest)
    assert decide(ingest, batch, filter={"q": "Ida"}).status_code == 200
    assert (
        listed(ingest, ingest.check(batch["batch_id"]))[0]["target"] == "rows that a search found"
    )
    published = ingest.published(batch["batch_id"], BatchChanged)
    assert published[-1].decisions
    assert not any("Ida" in one.body().decode() for one in published)


def test_a_decision_that_fits_no_row_is_refused_and_changes_nothing(ingest: IngestHarness) -> None:
    one = someone()
    batch = ingest.ready(roster(row(one), row({**someone(), "Amount": "$1,2.00"})))
    paid, refused = ingest.rows(batch)
    other, _ = three(ingest)
    foreign = ingest.rows(other)[0]["row_id"]
    for decision, code in (
        ({}, "decision.which-rows"),
        ({"filter": {}}, "decision.which-rows"),
        ({"row_id": paid["row_id"], "employee_id": "x"}, "decision.which-rows"),
        ({"row_id": refused["row_id"]}, "decision.row"),
        ({"row_ids": [paid["row_id"], foreign]}, "decision.row"),
        ({"employee_id": "nobody"}, "decision.no-rows"),
        ({"employee_id": one["Employee/DunkinId"], "digest": "sha256:old"}, "decision.stale"),
    ):
        answer = decide(ingest, batch, **decision)
        assert (answer.status_code in (409, 422), answer.json()["code"]) == (True, code)
    included = decide(ingest, batch, "anna", act="include", row_id=paid["row_id"])
    assert included.json()["code"] == "decision.row"
    assert ingest.batch(batch["batch_id"]) == batch
    for who in ("otto",):
        assert decide(ingest, batch, who, row_id=paid["row_id"]).status_code == 403


def test_a_row_has_one_decision_that_stands(ingest: IngestHarness) -> None:
    batch, people = three(ingest)
    first = ingest.rows(batch)[0]["row_id"]
    assert decide(ingest, batch, row_id=first).status_code == 200
    batch = ingest.check(batch["batch_id"])
    assert decide(ingest, batch, row_id=first).json()["code"] == "decision.no-rows"
    answer = decide(ingest, batch, employee_id=people[0]["Employee/DunkinId"])
    assert answer.json()["decisions"][0]["rows"] == 1, "the row that is not decided yet"
    with (
        ingest.engine.connect() as connection,
        pytest.raises(IntegrityError, match="decision_row_standing"),
    ):
        run(
            connection,
            """
            INSERT INTO decision_row (decision_id, batch_id, file_row)
            SELECT d.decision_id, d.batch_id, r.file_row
            FROM decision d
            JOIN decision_row r ON r.batch_id = d.batch_id AND r.decision_id <> d.decision_id
            WHERE d.batch_id = :id""",
            id=batch["batch_id"],
        )


def test_decisions_of_an_approved_batch_never_change(ingest: IngestHarness) -> None:
    batch, _ = three(ingest)
    decide(ingest, batch, row_id=ingest.rows(batch)[0]["row_id"])
    batch = ingest.check(batch["batch_id"])
    assert ingest.approve(batch).status_code == 200
    (one,) = listed(ingest, batch)
    assert take_back(ingest, batch, one).json()["code"] == "decision.not-ready"
    for statement in (
        "UPDATE decision_row SET standing = false WHERE batch_id = :id",
        "UPDATE decision SET withdrawn_by = 'x', withdrawn_at = now() WHERE batch_id = :id",
        "DELETE FROM decision_row WHERE batch_id = :id",
    ):
        with ingest.engine.connect() as connection, pytest.raises((IntegrityError, InternalError)):
            run(connection, statement, id=batch["batch_id"])


def test_an_included_row_is_paid_and_its_family_takes_the_inclusion(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    batch = ingest.ready(roster(row(one), row(someone())) + b"\n")
    (excluded,) = ingest.rows(batch, status="excluded")
    include = {"act": "include", "row_id": excluded["row_id"], "reason": "the second half"}
    assert decide(ingest, batch, "peter", **include).status_code == 403
    answer = decide(ingest, batch, "adam", **include)
    assert answer.json()["payable_after"] == {"rows": 2, "amount_cents": 1406}
    batch = ingest.check(batch["batch_id"])
    shown = ingest.rows(batch)[0]
    assert (shown["status"], shown["reason_code"]) == ("payable", "included")
    was = f"already in batch {first['batch_id']} of this period"
    assert shown["reason"] == f"included by adam, was {was}: the second half"
    assert ingest.approve(batch, "adam").json()["code"] == "approval.same-person"
    assert ingest.approve(batch, "anna").status_code == 200
    assert len(ingest.payments(batch)) == 2
    assert len(registered(ingest, batch)["inclusion"]) == 1
    with ingest.engine.connect() as connection:
        kept = run(
            connection, "SELECT * FROM include WHERE batch_id = :id", id=batch["batch_id"]
        ).one()
    assert (kept.included_by, kept.was, kept.reason) == ("adam", was, "the second half")
    third = ingest.ready(roster(row(one)) + b"\n\n")
    row_id = ingest.rows(third)[0]["row_id"]
    decide(ingest, third, "adam", act="include", row_id=row_id)
    third = ingest.check(third["batch_id"])
    assert ingest.approve(third).json()["code"] == "approval.include-taken"


def test_an_inclusion_needs_nothing_when_the_row_became_free(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    batch = ingest.ready(roster(row(one)) + b"\n")
    decide(ingest, batch, "adam", act="include", row_id=ingest.rows(batch)[0]["row_id"])
    ingest.end(first, ingest.payments(first))
    batch = ingest.check(batch["batch_id"])
    (shown,) = ingest.rows(batch)
    assert (shown["status"], shown["reason_code"]) == ("payable", "")
    assert ingest.approve(batch).status_code == 200
    assert registered(ingest, batch)["inclusion"] == []


def test_what_the_approver_includes_is_a_decision_and_joins_the_payment(
    ingest: IngestHarness,
) -> None:
    one = someone()
    approved(ingest, one)
    batch = ingest.ready(roster(row(one), row({**one, "Amount": "$8.00"})) + b"\n")
    first, second = ingest.rows(batch)
    decide(ingest, batch, "adam", act="include", row_id=second["row_id"], reason="agreed")
    batch = ingest.check(batch["batch_id"])
    include = [{"row_id": first["row_id"], "reason": "this one too"}]
    assert ingest.approve(batch, include=include * 2).json()["code"] == "approval.include"
    assert ingest.approve(batch, include=include).status_code == 200
    assert len(ingest.payments(batch)) == 1, "both rows are one payment"
    assert {(d["decided_by"], d["at_approval"], d["reason"]) for d in listed(ingest, batch)} == {
        ("adam", False, "agreed"),
        ("anna", True, "this one too"),
    }


def test_nobody_decides_in_the_act_of_an_approval_that_is_not_theirs(
    ingest: IngestHarness,
) -> None:
    batch, _ = three(ingest)
    with pytest.raises(IntegrityError, match="decision_at_approval"), ingest.engine.begin() as c:
        run(
            c,
            """
            INSERT INTO decision (decision_id, batch_id, act, target, reason, seen_digest, rows,
                amount_cents, at_approval, decided_by, decided_at)
            VALUES (gen_random_uuid(), :id, 'include', 'row 1', 'x', '', 1, 1, true, 'peter',
                now())""",
            id=batch["batch_id"],
        )


def test_an_exclusion_comes_before_what_the_provider_says(ingest: IngestHarness) -> None:
    one = someone(**{"Payee/PlaidId": NO_MERCHANT})
    batch = ingest.ready(roster(row(one), row(other_id(one, **{"Payee/PlaidId": "ins_116944"}))))
    answer = decide(ingest, batch, employee_id=one["Employee/DunkinId"])
    assert answer.json()["decisions"][0]["payable_rows_change"] == 0
    batch = ingest.check(batch["batch_id"])
    assert ingest.rows(batch)[0]["status"] == "excluded"
    assert ingest.approve(batch).status_code == 200
    assert ingest.child(batch, filter={"status": "unpayable"}).json()["code"] == "child.no-rows"


def test_a_check_that_knew_no_decisions_does_not_pay_an_excluded_row(ingest: IngestHarness) -> None:
    batch, _ = three(ingest)
    decide(ingest, batch, row_id=ingest.rows(batch)[0]["row_id"])
    batch = ingest.check(batch["batch_id"])
    with ingest.engine.begin() as connection:  # as an older version of the service leaves it
        run(
            connection,
            """
            UPDATE batch_row
            SET status = 'payable', reason_code = '', reason = '', payment_id = own_payment_id
            WHERE batch_id = :id""",
            id=batch["batch_id"],
        )
    assert ingest.approve(batch).json()["code"] == "approval.stale"
    assert ingest.check(batch["batch_id"])["rows"]["payable"] == 2
    with ingest.engine.connect() as connection:
        *prepared, pay = STOLEN
        for statement in prepared:
            run(connection, statement, id=batch["batch_id"])
        with pytest.raises(IntegrityError, match="a person excluded is not paid"):
            run(connection, pay, id=batch["batch_id"])


#: What would pay the excluded first row, if nothing but the database were in the way.
STOLEN = (
    "UPDATE batch_row SET status = 'payable' WHERE batch_id = :id",
    "UPDATE batch SET status = 'approved' WHERE batch_id = :id",
    """
    INSERT INTO approval (batch_id, digest, approved_by, approved_at, acknowledged, one_person,
        payments, payments_cents)
    SELECT batch_id, digest, 'anna', now(), '{}', false, 1, 1
    FROM batch
    WHERE batch_id = :id""",
    """
    INSERT INTO claim (period, employee_id, loan_index, family_id, batch_id)
    SELECT b.period, r.employee_id, r.loan_index, b.family_id, b.batch_id
    FROM batch b
    JOIN batch_row r USING (batch_id)
    WHERE b.batch_id = :id""",
    """
    INSERT INTO payment (payment_id, batch_id, period, source_account_id, employee_id, loan_index,
        person_key, loan_key, amount_cents)
    SELECT r.own_payment_id, r.batch_id, b.period, r.source_account_id, r.employee_id,
        r.loan_index, r.person_key, r.loan_key, r.amount_cents
    FROM batch_row r
    JOIN batch b USING (batch_id)
    WHERE r.batch_id = :id AND r.file_row = 1""",
)


def test_a_batch_has_so_many_decisions_as_fit_into_its_message() -> None:
    check_number(900, 100)
    with pytest.raises(RequestError, match="at most 1,000 decisions"):
        check_number(900, 101)


def test_so_many_people_are_accepted_as_fit_into_the_message() -> None:
    check_accepted_people(["a"] * 2_000)
    check_accepted_people(map(str, range(1_000)))
    with pytest.raises(RequestError, match="at most 1,000 people"):
        check_accepted_people(map(str, range(1_001)))


def test_a_decision_names_people_of_its_rows_to_those_who_may_see_people(
    ingest: IngestHarness,
) -> None:
    batch, _ = three(ingest)
    rows = ingest.rows(batch)
    row_ids = [one["row_id"] for one in rows]
    assert decide(ingest, batch, row_ids=row_ids).status_code == 200
    names = [f"{one['first_name']} {one['last_name']}" for one in (rows[0], rows[2])]
    path = f"/batches/{batch['batch_id']}/decisions"
    (seen,) = ingest.call("GET", path, "peter").json()["items"]
    assert people_of(seen) == names  # two rows of the first person, who is named once
    (unseen,) = ingest.call("GET", path, "ada").json()["items"]
    assert people_of(unseen) == []
