"""A row that is paid elsewhere is included by one family of batches, and then claimed as well."""

import pytest
from sqlalchemy.exc import IntegrityError

from libs.common.database.engine import run
from services.ingest import registry
from services.ingest.domain import decision
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness
from services.ingest.tests.people_and_loans import (
    approved,
    forget_keys,
    include_all,
    other_id,
    registered,
    someone,
)
from services.ingest.tests.test_decisions import decide
from services.ingest.tests.test_missing_values import MEND, check_with

pytestmark = pytest.mark.database


def test_an_included_row_is_claimed_when_nobody_else_has_its_claim(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    other = other_id(one)
    second = ingest.ready(roster(row(other)))
    assert include_all(ingest, second).status_code == 200
    ingest.end(first, ingest.payments(first))  # so nothing but the claim of the second is left
    for spelled in (other, {**other, "Employee/FirstName": "Idah"}):
        third = ingest.ready(roster(row(spelled)) + b"\n")
        (shown,) = ingest.rows(third)
        assert (shown["status"], shown["reason_code"]) == ("excluded", "already_in_period")
        assert second["batch_id"] in shown["reason"]
        assert ingest.discard(third).status_code == 200
    ingest.end(second, ingest.payments(second))
    assert ingest.ready(roster(row(other)) + b"\n\n")["rows"]["payable"] == 1


@pytest.mark.parametrize("field", ["Employee/DunkinId", "Payee/LoanAccountNumber"])
def test_a_loan_is_included_once_however_it_is_spelled(ingest: IngestHarness, field: str) -> None:
    one = someone()
    approved(ingest, one)
    spelled = [
        {**one, field: one[field].upper()},
        {**one, field: one[field] + "\u00a0" if "Id" in field else "0-" + one[field]},
    ]
    second, third = (ingest.ready(roster(row(other)) + b"\n") for other in spelled)
    assert include_all(ingest, second).status_code == 200
    refused = include_all(ingest, third)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.include-taken")
    assert refused.json()["batches"] == [second["batch_id"]]
    ingest.end(second, ingest.payments(second))
    assert include_all(ingest, third).status_code == 200


def test_the_database_refuses_two_inclusions_with_common_days(ingest: IngestHarness) -> None:
    one = someone()
    approved(ingest, one)
    assert include_all(ingest, ingest.ready(roster(row(one)) + b"\n")).status_code == 200
    for shift, refused in ((13, True), (-13, True), (14, False), (-14, False)):
        statement = """
            INSERT INTO inclusion (person_key, loan_key, days, family_id, batch_id)
            SELECT person_key, loan_key,
                daterange(lower(days) + :shift, upper(days) + :shift), batch_id, batch_id
            FROM inclusion
            WHERE person_key = :key"""
        values = {"shift": shift, "key": one["Employee/DunkinId"].lower()}
        with ingest.engine.connect() as connection:
            if refused:
                with pytest.raises(IntegrityError, match="days_are_included_once"):
                    run(connection, statement, **values)
            else:
                assert run(connection, statement, **values).rowcount == 1


def test_what_was_included_before_there_were_keys_stays_included(ingest: IngestHarness) -> None:
    one = someone()
    first = approved(ingest, one)
    second, third = (ingest.ready(roster(row(one)) + white) for white in (b"\n", b"\n\n"))
    assert include_all(ingest, second).status_code == 200
    before = registered(ingest, second)["inclusion"]
    assert len(before) == 1
    forget_keys(ingest, first, second)
    assert registered(ingest, second)["inclusion"] == []
    registry.fill_all(ingest.engine, ingest.encryption)
    assert registered(ingest, second)["inclusion"] == before
    assert include_all(ingest, third).json()["code"] == "approval.include-taken"


def test_what_is_included_at_the_approval_counts_with_every_decision_and_amendment(
    ingest: IngestHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = someone(), someone(**{"Payee/PlaidId": NO_MERCHANT})
    approved(ingest, one)
    batch = ingest.ready(roster(row(one), row(other)))
    assert decide(ingest, batch, **MEND).status_code == 200
    now = check_with(ingest, batch, "mch_77")
    assert (now["rows"]["payable"], now["rows"]["excluded"]) == (1, 1)
    monkeypatch.setattr(decision, "DECISIONS_MAX", 1)
    refused = include_all(ingest, now)
    assert (refused.status_code, refused.json()["code"]) == (409, "decision.too-many")
    assert not ingest.payments(now)
    monkeypatch.setattr(decision, "DECISIONS_MAX", 2)
    assert include_all(ingest, now).status_code == 200
