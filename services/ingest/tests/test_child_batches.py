"""What is paid again: the rest of a cancelled batch, failed rows in a child batch, each row once; on a real database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from services.ingest.tests.harness import World

pytestmark = pytest.mark.database


def test_the_rest_of_a_cancelled_batch_is_paid_by_uploading_it_again(
    world: World, xml: bytes
) -> None:
    first = world.ready(xml)
    assert world.approve(first).status_code == 200
    payments = world.payments(first)
    world.end(first, payments[:5], "cancelled")
    world.certify(first, "cancelled")
    assert world.batch(first["batch_id"])["status"] == "cancelled"
    freed = [
        row for row in world.rows(first) if row["payment_id"] in {str(one) for one in payments[:5]}
    ]
    again = world.ready(xml)
    assert again["rows"]["payable"] == len(freed)
    assert again["rows"]["excluded"] == first["rows"]["payable"] - len(freed)


def test_failed_rows_are_paid_in_a_child_batch_once(world: World, xml: bytes) -> None:
    first = world.ready(xml)
    assert world.approve(first).status_code == 200
    failed = world.payments(first)[:4]
    assert world.child(first, filter={"status": "failed"}).json()["code"] == "child.no-rows"
    world.end(first, failed)
    world.certify(first, "completed_with_failures")
    rows = {
        row["row_id"]: row
        for row in world.rows(first)
        if row["payment_id"] in {str(one) for one in failed}
    }
    answers = [world.child(first, filter={"status": "failed"}), world.child(first, rows=list(rows))]
    assert [answer.status_code for answer in answers] == [202, 202]
    children = [world.check(answer.json()["batch_id"]) for answer in answers]
    for child in children:
        assert (child["parent_batch_id"], child["period"], child["rows"]["payable"]) == (
            first["batch_id"],
            first["period"],
            len(rows),
        )
        assert child["amount_cents"]["payable"] == sum(row["amount_cents"] for row in rows.values())
        assert [row["file_row"] for row in world.rows(child)] == list(range(1, len(rows) + 1))
    message = world.published(children[0]["batch_id"], RowRead)[0]
    assert str(message.root_row_id) in rows
    assert (
        world.secrets.sealer.decrypt(message.loan, "loan", str(message.row_id))[-4:]
        == message.loan_last4
    )
    source = world.published(children[0]["batch_id"], BatchChanged)[0].sources[0]
    assert (
        world.secrets.sealer.decrypt(
            source.account, "account", f"{children[0]['batch_id']}/{source.source_account_id}"
        )[-4:]
        == source.account_last4
    )
    with ThreadPoolExecutor(2) as pool:
        statuses = [
            answer.result().status_code
            for answer in [pool.submit(world.approve, child) for child in children]
        ]
    assert sorted(statuses) == [200, 409]
    loser = world.check(children[statuses.index(409)]["batch_id"])
    assert (loser["rows"]["payable"], {row["reason_code"] for row in world.rows(loser)}) == (
        0,
        {"already_in_payment"},
    )
    assert world.child(first, filter={"status": "failed"}).status_code == 409


def test_who_made_a_child_or_uploaded_its_parent_cannot_approve_it(
    world: World, xml: bytes
) -> None:
    first = world.ready(xml, who="maria")
    assert world.approve(first).status_code == 200
    world.end(first, world.payments(first)[:1])
    made = world.check(world.child(first, filter={"status": "failed"}).json()["batch_id"])
    assert world.approve(made, "maria").json()["code"] == "approval.same-person"
    other = world.check(world.child(first, "maria", filter={"status": "failed"}).json()["batch_id"])
    assert world.approve(other, "maria").json()["code"] == "approval.same-person"
    assert world.approve(made).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {"status": "reversed"}},
        {"rows": [str(uuid4())], "filter": {"status": "failed"}},
    ],
)
def test_a_child_must_say_which_rows(world: World, xml: bytes, body: dict[str, Any]) -> None:
    assert world.child(world.ready(xml), **body).status_code == 422


def test_a_claim_is_free_only_when_all_payments_on_it_have_failed(world: World, xml: bytes) -> None:
    first = world.ready(xml)
    assert world.approve(first).status_code == 200
    claims, one = world.live_claims(first), world.payments(first)[0]
    world.end(first, [one])
    assert world.live_claims(first) == claims - 1
    child = world.check(world.child(first, filter={"status": "failed"}).json()["batch_id"])
    assert world.approve(child).status_code == 200
    assert world.live_claims(first) == claims
    world.end(child, world.payments(child), "reversed", "reverse")
    assert world.live_claims(first) == claims
    world.end(first, [one])
    assert world.live_claims(first) == claims
    assert world.child(child, filter={"status": "failed"}).status_code == 409
