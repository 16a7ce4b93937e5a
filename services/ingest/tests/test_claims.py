"""Claims: a loan is paid once in a pay period, unless an approver includes it by name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import JournalPosted
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest import consumers
from services.ingest.domain.decision import to_ranges
from services.ingest.domain.digest import BatchDigest, ContentsDigest, PayableRows
from services.ingest.store import decisions, rows, sources
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


def end_payments(ingest: IngestHarness, batch: Any, status: str) -> None:
    """The ledger says that all payments of a batch ended."""
    with ingest.engine.begin() as connection:
        consumers.apply_postings(
            connection,
            [
                JournalPosted(
                    event_id=uuid4(),
                    occurred_at=payment.occurred_at,
                    batch_id=payment.batch_id,
                    journal_id=uuid4(),
                    payment_id=payment.payment_id,
                    kind="release",
                    amount_cents=payment.amount_cents,
                    status=status,
                )
                for payment in ingest.published(batch["batch_id"], PaymentApproved)
            ],
        )


def include_first(ingest: IngestHarness, batch: Any) -> Any:
    row = ingest.rows(batch, status="excluded")[0]
    include = [{"row_id": row["row_id"], "reason": "a second contribution"}]
    return ingest.approve(batch, include=include)


def test_an_excluded_row_is_taken_in_by_one_family_only(ingest: IngestHarness, xml: bytes) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    second, third = ingest.ready(spaced(xml)), ingest.ready(spaced(spaced(xml)))
    assert include_first(ingest, second).status_code == 200
    refused = include_first(ingest, third)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.include-taken")
    assert refused.json()["batches"] == [second["batch_id"]]
    assert ingest.batch(third["batch_id"])["status"] == "ready"
    assert ingest.published(third["batch_id"], PaymentApproved) == []
    end_payments(ingest, second, "failed")  # then another batch may pay it
    assert include_first(ingest, third).status_code == 200


def test_of_racing_inclusions_of_one_row_one_wins(ingest: IngestHarness, make_xml: MakeXml) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            xml = make_xml(5).replace(b"ins_116527", b"ins_116304")
            assert ingest.approve(ingest.ready(xml)).status_code == 200
            twins = [ingest.ready(spaced(xml)), ingest.ready(spaced(spaced(xml)))]
            racing = [pool.submit(include_first, ingest, twin) for twin in twins]
            assert sorted(one.result().status_code for one in racing) == [200, 409]


def test_the_database_refuses_a_payment_without_claim_or_inclusion_of_its_family(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    second = ingest.ready(spaced(xml))
    assert include_first(ingest, second).status_code == 200
    row = ingest.rows(second, status="excluded")[0]
    insert = """
        INSERT INTO payment (
            payment_id, batch_id, period, source_account_id, employee_id, loan_index, amount_cents)
        SELECT gen_random_uuid(), b.batch_id, b.period, r.source_account_id,
            r.employee_id, r.loan_index, 1
        FROM batch_row r
        JOIN batch b USING (batch_id)
        WHERE r.row_id = CAST(:row_id AS uuid)"""
    for sql, refused in (
        (insert, "needs a claim or an inclusion"),
        ("DELETE FROM inclusion", "held by a payment"),
        ("UPDATE inclusion SET family_id = gen_random_uuid()", "stays as it is"),
    ):
        values = {"row_id": row["row_id"]} if ":row_id" in sql else {}
        with pytest.raises(DBAPIError, match=refused), ingest.engine.begin() as connection:
            run(connection, sql, **values)


def digest_of_rows(ingest: IngestHarness, batch: Any) -> str:
    """The digest of a batch as its rows are now."""
    with ingest.engine.connect() as connection:
        digest, payable = ContentsDigest(date.fromisoformat(batch["period"])), PayableRows()
        digest.add_decisions(
            [
                *(one.act, one.decided_by, one.target, one.reason, one.evidence),
                to_ranges(one.file_rows),
            ]
            for one in decisions.list_standing(connection, UUID(batch["batch_id"]))
        )
        for page in rows.pages_for_digest(connection, UUID(batch["batch_id"])):
            digest.add_rows(row[:-1] for row in page)
            payable.add_rows(page)
        batch_id = UUID(batch["batch_id"])
        payments = payable.digest(batch_id, sources.list_paying(connection, batch_id))
    return BatchDigest(digest.text(), payments).text


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
