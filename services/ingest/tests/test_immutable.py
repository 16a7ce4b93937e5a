"""What an approval rests on cannot be changed, not even by the role that owns the schema."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database
REWRITES = (
    "UPDATE batch SET uploaded_by = 'somebody'",
    "UPDATE batch SET family_id = gen_random_uuid()",
    "UPDATE batch SET period = period + 14",
    "UPDATE batch_row SET amount_cents = amount_cents * 10",
    "UPDATE batch_row SET loan_index = 'other'",
    "UPDATE batch_row SET merchant_id = 'mch_other'",
    "UPDATE batch_row SET payment_id = gen_random_uuid()",
    "UPDATE batch_row SET status = 'excluded' WHERE status = 'payable'",
    "DELETE FROM batch_row",
    "UPDATE correction SET corrected_by = 'somebody'",
    "DELETE FROM correction",
    "UPDATE claim SET period = period + 14",
    "DELETE FROM claim",
    "UPDATE payment SET amount_cents = 1",
    "UPDATE payment_row SET amount_cents = 1",
    "UPDATE approval SET one_person = true",
)


def corrected_and_approved(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    change = {
        "source_account_id": ready["sources"][0]["source_account_id"],
        "field": "city",
        "from": ingest.city_of(ready),
        "to": "Ames",
    }
    path = f"/batches/{ready['batch_id']}/corrections"
    assert ingest.call("POST", path, "paula", json={"corrections": [change]}).status_code == 200
    assert ingest.approve(ingest.check(ready["batch_id"])).status_code == 200


def test_nobody_rewrites_what_was_approved(ingest: IngestHarness, xml: bytes) -> None:
    corrected_and_approved(ingest, xml)
    owner = create_engine(ingest.owner_url)
    for engine in (ingest.engine, owner):
        for rewrite in REWRITES:
            with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
                connection.execute(text(rewrite))
            assert "RestrictViolation" in type(refused.value.orig).__name__, rewrite
    owner.dispose()


def test_before_the_approval_a_row_changes_its_outcome_and_never_its_money(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch = ingest.ready(xml)["batch_id"]
    change = "UPDATE batch_row SET {} WHERE batch_id = :batch"
    with ingest.engine.begin() as connection:
        connection.execute(text(change.format("status = 'excluded'")), {"batch": batch})
    with ingest.engine.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text(change.format("amount_cents = 1")), {"batch": batch})
