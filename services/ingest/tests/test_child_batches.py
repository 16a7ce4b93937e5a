"""What is paid again, once: the rest of a cancelled batch, and failed rows in a child batch."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def test_the_rest_of_a_cancelled_batch_is_paid_by_uploading_it_again(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    payments = ingest.payments(first)
    ingest.end(first, payments[:5], "cancelled")
    ingest.certify(first, "cancelled")
    assert ingest.batch(first["batch_id"])["status"] == "cancelled"
    freed = [
        row for row in ingest.rows(first) if row["payment_id"] in {str(one) for one in payments[:5]}
    ]
    again = ingest.ready(xml)
    assert again["rows"]["payable"] == len(freed)
    assert again["rows"]["excluded"] == first["rows"]["payable"] - len(freed)


def test_failed_rows_are_paid_in_a_child_batch_once(ingest: IngestHarness, xml: bytes) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    failed = ingest.payments(first)[:4]
    assert ingest.child(first, filter={"status": "failed"}).json()["code"] == "child.no-rows"
    ingest.end(first, failed)
    ingest.certify(first, "completed_with_failures")
    rows = {
        row["row_id"]: row
        for row in ingest.rows(first)
        if row["payment_id"] in {str(one) for one in failed}
    }
    answers = [
        ingest.child(first, filter={"status": "failed"}),
        ingest.child(first, rows=list(rows)),
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    children = [ingest.check(answer.json()["batch_id"]) for answer in answers]
    for child in children:
        assert (child["parent_batch_id"], child["period"], child["rows"]["payable"]) == (
            first["batch_id"],
            first["period"],
            len(rows),
        )
        assert child["amount_cents"]["payable"] == sum(row["amount_cents"] for row in rows.values())
        assert [row["file_row"] for row in ingest.rows(child)] == list(range(1, len(rows) + 1))
    message = ingest.published(children[0]["batch_id"], RowRead)[0]
    assert str(message.root_row_id) in rows
    assert (
        ingest.encryption.decrypt(message.loan, "loan", str(message.row_id))[-4:]
        == message.loan_last4
    )
    source = ingest.published(children[0]["batch_id"], BatchChanged)[0].sources[0]
    assert (
        ingest.encryption.decrypt(
            source.account, "account", f"{children[0]['batch_id']}/{source.source_account_id}"
        )[-4:]
        == source.account_last4
    )
    with ThreadPoolExecutor(2) as pool:
        statuses = [
            answer.result().status_code
            for answer in [pool.submit(ingest.approve, child) for child in children]
        ]
    assert sorted(statuses) == [200, 409]
    loser = ingest.check(children[statuses.index(409)]["batch_id"])
    assert (loser["rows"]["payable"], {row["reason_code"] for row in ingest.rows(loser)}) == (
        0,
        {"already_in_payment"},
    )
    assert ingest.child(first, filter={"status": "failed"}).status_code == 409


def test_who_derived_a_child_or_uploaded_its_parent_cannot_approve_it(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml, who="maria")
    assert ingest.approve(first).status_code == 200
    ingest.end(first, ingest.payments(first)[:1])
    made = ingest.check(ingest.child(first, filter={"status": "failed"}).json()["batch_id"])
    assert ingest.approve(made, "maria").json()["code"] == "approval.same-person"
    other = ingest.check(
        ingest.child(first, "maria", filter={"status": "failed"}).json()["batch_id"]
    )
    assert ingest.approve(other, "maria").json()["code"] == "approval.same-person"
    assert ingest.approve(made).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {"status": "reversed"}},
        {"rows": [str(uuid4())], "filter": {"status": "failed"}},
    ],
)
def test_a_child_must_say_which_rows(
    ingest: IngestHarness, xml: bytes, body: dict[str, Any]
) -> None:
    assert ingest.child(ingest.ready(xml), **body).status_code == 422


def test_a_claim_is_free_only_when_all_payments_on_it_have_failed(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    claims, one = ingest.live_claims(first), ingest.payments(first)[0]
    ingest.end(first, [one])
    assert ingest.live_claims(first) == claims - 1
    child = ingest.check(ingest.child(first, filter={"status": "failed"}).json()["batch_id"])
    assert ingest.approve(child).status_code == 200
    assert ingest.live_claims(first) == claims
    ingest.end(child, ingest.payments(child), "reversed", "reverse")
    assert ingest.live_claims(first) == claims
    ingest.end(first, [one])
    assert ingest.live_claims(first) == claims
    assert ingest.child(child, filter={"status": "failed"}).status_code == 409
