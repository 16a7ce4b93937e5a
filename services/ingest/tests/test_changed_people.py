"""People accept a changed birth date, name or phone as the person's own, before the approval."""

from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period
from services.ingest.tests.people_and_loans import approved, someone
from services.ingest.tests.test_decisions import decide, listed, take_back

pytestmark = pytest.mark.database
OTHER = {"Employee/DOB": "03-11-1988"}


def changed(ingest: IngestHarness, **changes: str) -> tuple[Any, Any, dict[str, str]]:
    """An approved batch, and a ready one in which its person has another birth date, or these."""
    one = someone()
    first = approved(ingest, one)
    later = {**one, **(changes or OTHER)}
    return first, ingest.ready(roster(row(later)), period=next_period(first)), later


def accept(ingest: IngestHarness, batch: Any, one: dict[str, str], **more: Any) -> Any:
    employee = one["Employee/DunkinId"].upper()
    return decide(ingest, batch, act="accept", employee_id=employee, reason="passport seen", **more)


def test_an_accepted_birth_date_is_paid_and_is_the_one_of_later_rosters(
    ingest: IngestHarness,
) -> None:
    first, batch, one = changed(ingest)
    (shown,) = ingest.rows(batch)
    assert (shown["status"], shown["reason_code"]) == ("refused", "E_EMPLOYEE_OTHER_DOB")
    dry = accept(ingest, batch, one, dry_run=True).json()
    assert (dry["payable_before"]["rows"], dry["payable_after"]["rows"]) == (0, 1)
    assert dry["decisions"][0]["payable_cents_change"] == 703
    assert dry["decisions"][0]["change"] == (
        f"another birth date than in batch {first['batch_id']} is the person's own"
    )
    assert ingest.batch(batch["batch_id"]) == batch
    answer = accept(ingest, batch, one)
    assert (answer.status_code, answer.json()["status"]) == (200, "checking")
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    assert event.institutions == (shown["institution_id"],)  # the provider is asked about them
    now = ingest.check(batch["batch_id"])
    assert now["digest"] != batch["digest"]
    assert (now["rows"]["payable"], now["rows"]["refused"]) == (1, 0)
    assert ingest.get(f"/batches/{batch['batch_id']}/issues", outcome="row")["items"] == []
    assert ingest.approve(now, "peter").status_code == 403
    assert ingest.approve(now).status_code == 200
    published = {m.row_id: m for m in ingest.published(batch["batch_id"], RowRead)}
    assert [m.status for m in published.values()] == ["payable"]
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    assert [(a.act, a.decided_by, a.amended[0].file_rows) for a in event.amendments] == [
        ("accept", "peter", "1")
    ]
    assert "peter" in event.barred
    third = ingest.ready(roster(row(one)) + b" ", period=next_period(batch))
    assert third["rows"]["payable"] == 1
    old = {**one, "Employee/DOB": "03-10-1988"}
    fourth = ingest.ready(roster(row(old)) + b"  ", period=next_period(batch))
    assert fourth["rows"]["refused"] == 1
    person_id = ingest.encryption.person_id(canonical_person(one["Employee/DunkinId"]))
    identities = ingest.get(f"/people/{person_id}")["identities"]
    assert [(i["accepted"], i["differs"], i["first_batch_id"]) for i in identities] == [
        (True, [], batch["batch_id"]),
        (False, ["birth date"], first["batch_id"]),
    ]


def test_taken_back_it_refuses_the_row_again(ingest: IngestHarness) -> None:
    _, batch, one = changed(ingest)
    accept(ingest, batch, one)
    now = ingest.check(batch["batch_id"])
    assert accept(ingest, now, one).json()["code"] == "decision.already"
    (made,) = listed(ingest, now)
    assert (made["act"], made["reason"], made["rows"]) == ("accept", "passport seen", 1)
    (row,) = ingest.rows(now)
    for page in (f"/people/{row['person_id']}", f"/loans/{row['loan_id']}"):
        (about,) = ingest.get(page)["decisions"]
        assert (about["decision_id"], about["act"]) == (made["decision_id"], "accept")
        assert (about["file_rows"], about["withdrawn_by"]) == ([1], None)
    assert take_back(ingest, now, made).status_code == 200
    assert take_back(ingest, now, made).status_code == 200
    assert take_back(ingest, now, made, "anna").json()["code"] == "decision.taken-back"
    (about,) = ingest.get(f"/people/{row['person_id']}")["decisions"]
    assert about["withdrawn_by"] == "peter"
    again = ingest.check(batch["batch_id"])
    assert (again["rows"]["payable"], again["rows"]["refused"]) == (0, 1)
    (shown,) = ingest.rows(again)
    assert shown["reason_code"] == "E_EMPLOYEE_OTHER_DOB"
    issues = ingest.get(f"/batches/{batch['batch_id']}/issues", outcome="row")["items"]
    assert [issue["code"] for issue in issues] == ["E_EMPLOYEE_OTHER_DOB"]
    rows = ingest.published(batch["batch_id"], RowRead)
    assert [m.status for m in rows] == ["refused", "payable", "refused"]
    assert [m.revision for m in rows] == sorted({m.revision for m in rows})


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"Employee/LastName": "Miller"}, "W_EMPLOYEE_NAME", "another name than"),
        ({"Employee/PhoneNumber": "+15125550199"}, "W_EMPLOYEE_PHONE", "another phone than"),
    ],
)
def test_an_accepted_name_or_phone_is_no_warning_any_more(
    ingest: IngestHarness, changes: dict[str, str], code: str, words: str
) -> None:
    _, batch, one = changed(ingest, **changes)
    assert code in batch["to_acknowledge"]
    dry = accept(ingest, batch, one, dry_run=True).json()["decisions"][0]
    assert (dry["payable_cents_change"], words in dry["change"]) == (0, True)
    accept(ingest, batch, one)
    now = ingest.check(batch["batch_id"])
    assert code not in now["to_acknowledge"]
    assert now["rows"]["payable"] == 1
    take_back(ingest, now, listed(ingest, now)[0])
    assert code in ingest.check(batch["batch_id"])["to_acknowledge"]


def test_only_rows_that_differ_from_the_known_person_can_be_accepted(
    ingest: IngestHarness,
) -> None:
    one = someone()
    batch = ingest.ready(roster(row(one)))
    assert accept(ingest, batch, one).json()["code"] == "decision.no-rows"
    (shown,) = ingest.rows(batch)
    answer = decide(ingest, batch, act="accept", row_id=shown["row_id"])
    assert answer.json()["code"] == "decision.row"
    assert ingest.batch(batch["batch_id"]) == batch


def test_an_accepted_row_can_also_be_excluded(ingest: IngestHarness) -> None:
    _, batch, one = changed(ingest)
    accept(ingest, batch, one)
    now = ingest.check(batch["batch_id"])
    decide(ingest, now, employee_id=one["Employee/DunkinId"])
    assert ingest.check(batch["batch_id"])["rows"]["excluded"] == 1


def test_a_change_is_accepted_of_the_person_that_was_seen_and_of_no_other(
    ingest: IngestHarness,
) -> None:
    """Two people at once: the person was paid under a third birth date since."""
    _, batch, one = changed(ingest)
    third = {**one, "Employee/DOB": "03-12-1988"}
    other = ingest.ready(roster(row(third)) + b" ", period=next_period(batch))
    for waiting in (batch, other):
        accept(ingest, waiting, one)
        ingest.check(waiting["batch_id"])
    assert ingest.approve(ingest.batch(other["batch_id"])).status_code == 200
    refused = ingest.approve(ingest.batch(batch["batch_id"]))
    assert refused.json()["code"] == "approval.claims-moved"
    assert ingest.check(batch["batch_id"])["rows"]["refused"] == 1
    assert ingest.payments(batch) == []


def test_two_birth_dates_of_a_new_person_are_not_both_approved(ingest: IngestHarness) -> None:
    one = someone()
    first = ingest.ready(roster(row(one)))
    second = ingest.ready(roster(row({**one, **OTHER})), period=next_period(first))
    assert ingest.approve(first).status_code == 200
    assert ingest.approve(second).json()["code"] == "approval.claims-moved"
    assert ingest.check(second["batch_id"])["rows"]["refused"] == 1


def test_a_roster_by_a_wrong_date_is_mended_by_the_next_check(ingest: IngestHarness) -> None:
    """The right date was refused, and is accepted in another batch meanwhile."""
    _, batch, one = changed(ingest)
    waiting = ingest.ready(roster(row(one)) + b" ", period=next_period(batch))
    assert waiting["rows"]["refused"] == 1
    accept(ingest, batch, one)
    assert ingest.approve(ingest.check(batch["batch_id"])).status_code == 200
    assert ingest.check_again(waiting)["rows"]["payable"] == 1


def test_who_amended_is_barred_in_the_database(ingest: IngestHarness) -> None:
    _, batch, one = changed(ingest)
    accept(ingest, batch, one, who="maria")
    now = ingest.check(batch["batch_id"])
    assert ingest.approve(now, "maria").json()["code"] == "approval.same-person"
    with ingest.engine.connect() as connection:
        barred = run(connection, "SELECT barred(:id)", id=batch["batch_id"]).scalars().all()
    assert "maria" in barred
