"""The pay periods of today, and the list of a year, as the home page and finance read them."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import approved, someone

pytestmark = pytest.mark.database


def batches(ingest: IngestHarness, at: int) -> dict[str, str]:
    found = ingest.get("/pay-periods")["periods"][at]["batches"]
    return {one["batch_id"]: one["status"] for one in found}


def test_today_is_in_the_first_period_and_the_next_one_follows_it(ingest: IngestHarness) -> None:
    found = ingest.get("/pay-periods")
    now, following = (
        (date.fromisoformat(one["first"]), date.fromisoformat(one["last"]))
        for one in found["periods"]
    )
    assert now[0] <= date.fromisoformat(found["today"]) <= now[1]
    assert following[0] == now[1] + timedelta(days=1)


def test_a_period_has_its_batches_until_they_are_discarded(ingest: IngestHarness) -> None:
    first = ingest.get("/pay-periods")["periods"][1]["first"]
    ready = ingest.ready(roster(row(someone())), period=first)
    assert batches(ingest, 1)[ready["batch_id"]] == "ready"
    assert ready["batch_id"] not in batches(ingest, 0)
    assert ingest.discard(ready).status_code == 200
    assert ready["batch_id"] not in batches(ingest, 1)


def people(ingest: IngestHarness, year: int) -> dict[str, Any]:
    return {one["employee_id"]: one for one in ingest.get(f"/years/{year}")["people"]}


def test_a_year_sums_what_is_paid_for_a_person_however_the_id_is_spelled(
    ingest: IngestHarness,
) -> None:
    one = someone(Amount="$5.00")
    shouted = {**one, "Employee/DunkinId": one["Employee/DunkinId"].upper(), "Amount": "$1.25"}
    period = ingest.get("/pay-periods")["periods"][0]
    year = date.fromisoformat(period["last"]).year
    first = approved(ingest, one, period=period["first"])
    before = {other["batch_id"] for other in ingest.get(f"/years/{year}")["batches"]}
    assert first["batch_id"] in before
    shouted["Payee/LoanAccountNumber"] = someone()["Payee/LoanAccountNumber"]
    approved(ingest, shouted, period=period["first"])
    found = people(ingest, year)
    assert one["Employee/DunkinId"] not in found, "one line, with the newest spelling"
    line = found[shouted["Employee/DunkinId"]]
    assert (line["payments"], line["counted_cents"]) == (2, 625)
    assert shouted["Employee/DunkinId"] not in people(ingest, year + 1)


def test_a_year_that_is_none_is_refused(ingest: IngestHarness) -> None:
    assert ingest.call("GET", "/years/20266").status_code == 422
