"""Claims: a loan is paid once in a pay period, unless an approver includes it by name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from services.ingest.domain.digest import Digest
from services.ingest.store import rows
from services.ingest.tests.harness import IngestHarness, next_period, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def test_rows_claimed_in_this_period_are_excluded_and_in_the_next_they_are_not(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    twin = ingest.ready(spaced(xml))
    assert twin["rows"] == first["rows"]
    assert ingest.approve(first).status_code == 200
    late = ingest.approve(twin)
    assert (late.status_code, late.json()["code"]) == (409, "approval.claims-moved")
    assert ingest.batch(twin["batch_id"])["status"] == "checking"
    twin = ingest.check(twin["batch_id"])
    assert (twin["rows"]["payable"], twin["rows"]["excluded"]) == (0, first["rows"]["payable"])
    assert {row["reason"] for row in ingest.rows(twin, status="excluded")} == {
        f"already in batch {first['batch_id']} of this period"
    }
    assert ingest.approve(twin).json()["code"] == "approval.nothing-payable"
    assert ingest.discard(twin).status_code == 200
    following = ingest.ready(spaced(xml), period=next_period(first))
    assert following["rows"] == first["rows"]
    assert ingest.approve(following).status_code == 200


def test_of_racing_approvals_of_the_same_rows_one_wins(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    with ThreadPoolExecutor(3) as pool:
        for _ in range(15):
            xml = make_xml(5).replace(b"ins_116527", b"ins_116304")
            batches = [
                ingest.ready(xml),
                ingest.ready(spaced(xml)),
                ingest.ready(spaced(spaced(xml))),
            ]
            answers = [
                answer.result().status_code
                for answer in [pool.submit(ingest.approve, batch) for batch in batches]
            ]
            assert sorted(answers) == [200, 409, 409]


def test_the_approver_includes_an_excluded_row_by_name(ingest: IngestHarness, xml: bytes) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    again = ingest.ready(spaced(xml))
    row = ingest.rows(again, status="excluded")[0]
    include = [{"row_id": row["row_id"], "reason": "a second contribution"}]
    assert ingest.approve(again, include=include).status_code == 200
    (payment,) = ingest.published(again["batch_id"], PaymentApproved)
    assert (payment.amount_cents, [str(one.row_id) for one in payment.rows]) == (
        row["amount_cents"],
        [row["row_id"]],
    )
    shown = ingest.rows(again, status="payable")
    assert [(one["row_id"], one["reason_code"]) for one in shown] == [(row["row_id"], "included")]
    assert "a second contribution" in shown[0]["reason"]
    newest = ingest.published(again["batch_id"], RowRead)[-1]
    assert (str(newest.row_id), newest.status, newest.payment_id, newest.revision) == (
        row["row_id"],
        "payable",
        payment.payment_id,
        2,
    )
    last = ingest.published(again["batch_id"], BatchChanged)[-1]
    assert (last.row_messages, last.rows.payable, last.payments) == (21, 1, 1)


def digest_of_rows(ingest: IngestHarness, batch: Any) -> str:
    """The digest of a batch as its rows are now."""
    with ingest.engine.connect() as connection:
        digest = Digest(date.fromisoformat(batch["period"]))
        for page in rows.pages_for_digest(connection, UUID(batch["batch_id"])):
            digest.add_rows(row[:-1] for row in page)
    return digest.text()


def test_the_digest_covers_what_the_approver_includes(ingest: IngestHarness, xml: bytes) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    assert (
        ingest.batch(first["batch_id"])["digest"]
        == first["digest"]
        == digest_of_rows(ingest, first)
    )
    again = ingest.ready(spaced(xml))
    assert digest_of_rows(ingest, again) == again["digest"]
    excluded = ingest.rows(again, status="excluded")
    include = [{"row_id": excluded[0]["row_id"], "reason": "a second contribution"}]
    answer = ingest.approve(again, include=include)
    assert answer.status_code == 200
    approved = digest_of_rows(ingest, again)
    assert approved != again["digest"]
    assert answer.json()["digest"] == ingest.batch(again["batch_id"])["digest"] == approved
    last = ingest.published(again["batch_id"], BatchChanged)[-1]
    assert (last.digest, last.seen_digest) == (approved, again["digest"])
    (payment,) = ingest.published(again["batch_id"], PaymentApproved)
    assert payment.digest == approved
    repeated = ingest.approve(again, include=include)  # it names the digest that was seen
    assert (repeated.status_code, repeated.json()) == (200, answer.json())
