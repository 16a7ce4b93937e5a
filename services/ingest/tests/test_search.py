"""People by name or id, people and loans over all batches, batches and branches by the search."""

from typing import Any

import pytest

from libs.common.database.engine import connect, run
from services.ingest import registry
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period
from services.ingest.tests.people_and_loans import approved, forget_keys, other_id, someone

pytestmark = pytest.mark.database


def named(first: str, last: str, **changes: str) -> dict[str, str]:
    return someone(**{"Employee/FirstName": first, "Employee/LastName": last, **changes})


def found(ingest: IngestHarness, q: str) -> list[str]:
    """The employee ids that a search for people finds."""
    answer = ingest.call("POST", "/people", json={"q": q})
    assert answer.status_code == 200, answer.text
    return [one["employee_id"] for one in answer.json()["items"]]


def person_id(ingest: IngestHarness, employee_id: str) -> str:
    (one,) = ingest.call("POST", "/people", json={"q": employee_id}).json()["items"]
    return str(one["person_id"])


def test_a_person_is_found_by_parts_of_the_name_in_any_spelling(ingest: IngestHarness) -> None:
    one = named("María José", "O'Quintero-Vásquez")
    refused = named("María", "Quinteria", Amount="$1,2.00")
    ingest.ready(roster(row(one), row(refused)))
    mine = one["Employee/DunkinId"]
    for q in ("oquintero", "VASQUEZ jose", "maria o\u2019quin", "vásq", "jose maria", mine.lower()):
        assert found(ingest, q) == [mine], q
    assert found(ingest, "maria quin") == [refused["Employee/DunkinId"]]
    for nobody in ("josefa vasquez", "quintero_", "%%", "''"):
        assert found(ingest, nobody) == [], nobody


def test_a_row_gets_its_words_with_its_keys_if_an_older_version_read_it(
    ingest: IngestHarness,
) -> None:
    one = named("Zelda", "Wolframson")
    batch = ingest.ready(roster(row(one)))
    forget_keys(ingest, batch)
    owner = connect(ingest.owner_url, "test")
    with owner.begin() as connection:
        run(connection, "DELETE FROM person_term WHERE term IN ('zelda', 'wolframson')")
    owner.dispose()
    assert found(ingest, "zelda") == []
    registry.fill_all(ingest.engine, ingest.encryption)
    assert found(ingest, "zelda wolf") == [one["Employee/DunkinId"]]


def test_a_person_has_every_row_of_every_batch_under_every_spelling(
    ingest: IngestHarness,
) -> None:
    one = named("Ada", "Tunnicliffe")
    first = approved(ingest, one)
    again = {**one, "Employee/DunkinId": one["Employee/DunkinId"].lower()}
    repeat = ingest.ready(roster(row(again)))
    later = approved(ingest, {**again, "Amount": "$9.00"}, period=next_period(first))
    story = ingest.get(f"/people/{person_id(ingest, one['Employee/DunkinId'])}")
    assert [(r["batch_id"], r["status"], r["amount_cents"]) for r in story["rows"]] == [
        (later["batch_id"], "payable", 900),
        (repeat["batch_id"], "excluded", 703),
        (first["batch_id"], "payable", 703),
    ]
    assert [r["payment_id"] is None for r in story["rows"]] == [False, True, False]
    assert story["spellings"] == [again["Employee/DunkinId"], one["Employee/DunkinId"]]
    assert story["names"] == ["Ada Tunnicliffe"]
    assert {"first": first["period"], "last": first["period_end"]} in story["periods"]
    assert len(story["loans"]) == 1
    loan = ingest.get(f"/loans/{story['loans'][0]['loan_id']}")
    assert [r["row_id"] for r in loan["rows"]] == [r["row_id"] for r in story["rows"]]
    assert [p["person_id"] for p in loan["people"]] == [story["person_id"]]
    (shown,) = ingest.rows(first)
    assert (shown["person_id"], shown["loan_id"]) == (story["person_id"], loan["loan_id"])


def test_a_loan_names_everybody_who_was_paid_under_it(ingest: IngestHarness) -> None:
    one = named("Ada", "Throckmorton")
    other = other_id(one, **{"Employee/FirstName": "Bea"})
    ingest.ready(roster(row(one), row(other)))
    (loan,) = ingest.get(f"/people/{person_id(ingest, one['Employee/DunkinId'])}")["loans"]
    story = ingest.get(f"/loans/{loan['loan_id']}")
    assert {p["first_name"] for p in story["people"]} == {"Ada", "Bea"}


def test_the_year_counts_what_is_approved_and_not_failed(ingest: IngestHarness) -> None:
    one = named("Yara", "Pendergast", Amount="$100.00")
    first = approved(ingest, one)
    later = approved(ingest, {**one, "Amount": "$50.00"}, period=next_period(first))
    year = int(first["period_end"][:4])
    mine = person_id(ingest, one["Employee/DunkinId"])

    def counted() -> Any:
        return ingest.get(f"/people/{mine}")["year"]

    both_this_year = int(later["period_end"][:4]) == year
    assert counted()["limit_cents"] == 5_250_00
    assert counted()["counted_cents"] == (150_00 if both_this_year else 100_00)
    ingest.end(first, ingest.payments(first), "failed")
    assert counted()["counted_cents"] == (50_00 if both_this_year else 0)


def test_nobody_has_a_made_up_id(ingest: IngestHarness) -> None:
    known = person_id(ingest, approved_employee(ingest))
    for wrong in ("x", "EMP-1", known[:-2], known[:-1] + "!", "\u00e9"):
        assert ingest.call("GET", f"/people/{wrong}").status_code == 404, wrong
    assert ingest.call("GET", "/loans/00").status_code == 404
    assert known not in {"", approved_employee(ingest)}


def approved_employee(ingest: IngestHarness) -> str:
    one = named("Ida", "Known")
    approved(ingest, one)
    return one["Employee/DunkinId"]


def test_batches_branches_and_sources_are_found_by_name_id_and_period(
    ingest: IngestHarness,
) -> None:
    one = named("Bo", "Searchfield", **{"Employee/DunkinBranch": "BRC-Zebra-1"})
    uploaded = ingest.upload(roster(row(one)), "paula", None, filename="Zebra_50%.xml").json()
    ingest.read_all()
    batch = ingest.check(uploaded["batch_id"])

    def search(q: str, people: bool = True) -> Any:
        return ingest.call("POST", "/search", json={"q": q, "people": people}).json()

    for q in ("zebra_50%", batch["batch_id"], batch["batch_id"][:8].upper()):
        assert [b["batch_id"] for b in search(q)["batches"]] == [batch["batch_id"]], q
    assert batch["batch_id"] in [b["batch_id"] for b in search(batch["period"])["batches"]]
    assert search("zebra%50")["batches"] == []
    assert search("brc-zebra")["branches"] == [
        {
            "branch_id": "BRC-Zebra-1",
            "batch_id": batch["batch_id"],
            "filename": "Zebra_50%.xml",
        }
    ]
    assert [s["source_account_id"] for s in search("corp-1")["sources"]] == ["CORP-1"]
    assert [p["last_name"] for p in search("searchf")["employees"]] == ["Searchfield"]
    assert search("searchf", people=False)["employees"] == []
