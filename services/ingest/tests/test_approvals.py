"""Approving a batch: what it makes, what does not fit, and who may not do it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from libs.common.web.internal_auth import COUNTS_AS
from services.ingest.domain.approval import Approval
from services.ingest.store import approvals, batches
from services.ingest.tests.harness import IngestHarness, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def doubled(xml: bytes) -> bytes:
    """The first row twice more: same employee, source and loan."""
    row = xml[xml.index(b"<row>") : xml.index(b"</row>") + 6]
    return xml.replace(b"</root>", row * 2 + b"</root>")


def test_an_approval_makes_each_payment_of_its_rows_once(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(doubled(xml))
    answer = ingest.approve(ready)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["digest"], answer.json()["approved_by"]) == (
        "approved",
        ready["digest"],
        "anna",
    )
    payable = ingest.rows(ready, status="payable")
    payments = ingest.published(ready["batch_id"], PaymentApproved)
    assert sorted(str(row.row_id) for payment in payments for row in payment.rows) == sorted(
        row["row_id"] for row in payable
    )
    assert {str(payment.payment_id) for payment in payments} == {
        row["payment_id"] for row in payable
    }
    for payment in payments:
        mine = [row for row in payable if row["payment_id"] == str(payment.payment_id)]
        assert payment.amount_cents == sum(row["amount_cents"] for row in mine)
        assert [row.file_row for row in payment.rows] == sorted(row["file_row"] for row in mine)
        assert payment.merchant_id == f"mch_{payment.institution_id}"
        assert (payment.digest, payment.period, payment.approved_by) == (
            ready["digest"],
            ready["period"],
            "anna",
        )
    assert [len(payment.rows) for payment in payments if payment.rows[0].file_row == 1] in ([3], [])
    last = ingest.published(ready["batch_id"], BatchChanged)[-1]
    assert (last.status, last.payments, last.payments_cents) == (
        "approved",
        len(payments),
        ready["amount_cents"]["payable"],
    )
    assert (answer.json()["payments"], answer.json()["payments_cents"]) == (
        last.payments,
        last.payments_cents,
    )
    one = ingest.get(f"/payments/{payments[0].payment_id}")
    assert (one["batch_id"], len(one["rows"]), one["approval"]["approved_by"]) == (
        ready["batch_id"],
        len(payments[0].rows),
        "anna",
    )


def test_the_same_approval_again_is_the_same_answer_and_nothing_more(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    first = ingest.approve(ready).json()
    sent = len(ingest.published(ready["batch_id"], PaymentApproved))
    assert ingest.approve(ready).json() == first
    assert ingest.approve(ready, "adam").status_code == 409
    assert len(ingest.published(ready["batch_id"], PaymentApproved)) == sent
    assert ingest.discard(ready).status_code == 409


@pytest.mark.parametrize(
    ("who", "change", "status", "code"),
    [
        ("paula", {}, 403, "auth.forbidden"),
        ("otto", {}, 403, "auth.forbidden"),
        ("anna", {"digest": "sha256:" + "0" * 64}, 409, "approval.stale"),
        ("anna", {"acknowledge": []}, 409, "approval.unacknowledged"),
        (
            "anna",
            {"include": [{"row_id": str(uuid4()), "reason": "please"}]},
            409,
            "approval.include",
        ),
        ("anna", {"include": [{"row_id": str(uuid4()), "reason": ""}]}, 422, "request.invalid"),
        ("anna", {"colour": "red"}, 422, "request.invalid"),
    ],
)
def test_an_approval_that_does_not_fit_changes_nothing(
    ingest: IngestHarness, xml: bytes, who: str, change: dict[str, Any], status: int, code: str
) -> None:
    ready = ingest.ready(xml)
    answer = ingest.approve(ready, who, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ingest.batch(ready["batch_id"]) == ready
    assert ingest.live_claims(ready) == 0


def test_who_uploaded_or_corrected_cannot_approve_even_with_the_role(
    ingest: IngestHarness, xml: bytes
) -> None:
    assert (
        ingest.approve(ingest.ready(xml, who="maria"), "maria").json()["code"]
        == "approval.same-person"
    )
    ready = ingest.ready(spaced(xml), who="paula")
    source = ready["sources"][0]["source_account_id"]
    change = {
        "corrections": [
            {
                "source_account_id": source,
                "field": "city",
                "from": ingest.city_of(ready),
                "to": "Ames",
            }
        ]
    }
    assert (
        ingest.call(
            "POST", f"/batches/{ready['batch_id']}/corrections", "maria", json=change
        ).status_code
        == 200
    )
    again = ingest.check(ready["batch_id"])
    assert ingest.approve(again, "maria").json()["code"] == "approval.same-person"
    assert ingest.approve(again).status_code == 200


def test_who_made_a_token_for_the_uploader_cannot_approve(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    body = {"digest": ready["digest"], "acknowledge": ready["to_acknowledge"]}
    path = f"/batches/{ready['batch_id']}/approve"
    made_it = {COUNTS_AS: "pa%2Cul,paula"}
    answer = ingest.call("POST", path, "anna", json=body, headers=made_it)
    assert (answer.status_code, answer.json()["code"]) == (403, "approval.same-person")
    assert "API token" in answer.json()["detail"]
    approval = Approval("anna", ready["digest"], counts_as=frozenset({"paula"}))
    with ingest.engine.connect() as connection:  # whatever the code says
        batches.mark_approved(connection, UUID(ready["batch_id"]), ready["digest"])
        with pytest.raises(DBAPIError, match="had a hand"):
            approvals.insert_approval(
                connection, UUID(ready["batch_id"]), approval, False, datetime.now(UTC)
            )
    other = ingest.call("POST", path, "anna", json=body, headers={COUNTS_AS: "petra"})
    assert other.status_code == 200


@pytest.mark.parametrize("person", ["paula", "anna"])
def test_the_database_itself_refuses_an_approval_by_the_uploader(
    ingest: IngestHarness, xml: bytes, person: str
) -> None:
    ready = ingest.ready(xml)

    def insert() -> None:
        with create_engine(
            ingest.owner_url
        ).begin() as connection:  # as the owner of the schema, who may do anything else
            run(
                connection,
                "UPDATE batch SET status = 'approved' WHERE batch_id = :id",
                id=ready["batch_id"],
            )
            run(
                connection,
                "INSERT INTO approval VALUES (:id, :digest, :person, now(), '{}', false, 1, 100)",
                id=ready["batch_id"],
                digest=ready["digest"],
                person=person,
            )

    if person == "paula":
        with pytest.raises(DBAPIError, match="had a hand"):
            insert()
        return
    insert()
    for change in (
        "UPDATE approval SET approved_by = 'adam'",
        "DELETE FROM approval",
        "UPDATE batch SET status = 'ready'",
        "UPDATE batch SET digest = 'sha256:' || repeat('0', 64)",
    ):
        with pytest.raises(DBAPIError), ingest.engine.begin() as connection:
            run(connection, f"{change} WHERE batch_id = :id", id=ready["batch_id"])


def test_an_approval_of_another_digest_is_refused_by_the_database(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    with ingest.engine.connect() as connection:
        run(
            connection,
            "UPDATE batch SET status = 'approved' WHERE batch_id = :id",
            id=ready["batch_id"],
        )
        insert = partial(
            run,
            connection,
            "INSERT INTO approval VALUES (:id, :digest, 'anna', now(), '{}', false, 1, 100)",
            id=ready["batch_id"],
            digest="sha256:" + "0" * 64,
        )
        with pytest.raises(DBAPIError, match="as it is"):
            insert()


@pytest.mark.parametrize("approver", ["maria", "anna"])
def test_one_person_may_do_both_where_the_setting_says_so_and_it_is_reported_whoever_approves(
    ingest: IngestHarness, xml: bytes, tmp_path: Path, approver: str
) -> None:
    alone = IngestHarness.make(
        ingest.engine.url.render_as_string(hide_password=False), tmp_path / "files", one_person=True
    )
    ready = alone.ready(xml, who="maria")
    assert alone.approve(ready, approver).status_code == 200
    assert alone.published(ready["batch_id"], BatchChanged)[-1].one_person is True
    assert alone.batch(ready["batch_id"])["one_person"] is True
    alone.engine.dispose()


def test_the_rule_of_two_people_is_on_by_default(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml, who="maria")
    assert ingest.approve(ready, "maria").status_code == 403
    assert ingest.approve(ready).status_code == 200
    assert ingest.published(ready["batch_id"], BatchChanged)[-1].one_person is False


def test_of_two_approvers_and_a_discarder_exactly_one_wins(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    won = {"anna": 0, "adam": 0, "paula": 0}
    with ThreadPoolExecutor(4) as pool:
        for _ in range(100):
            ready = ingest.ready(make_xml(2).replace(b"ins_116527", b"ins_116304"))
            acts: list[tuple[str, Callable[[], Any]]] = [
                ("anna", partial(ingest.approve, ready)),
                ("paula", partial(ingest.discard, ready)),
                ("adam", partial(ingest.approve, ready, "adam")),
                ("maker", partial(ingest.approve, ready, "paula")),
            ]
            answers = {
                who: answer.result().status_code
                for who, answer in [(who, pool.submit(act)) for who, act in acts]
            }
            winner = [who for who, status in answers.items() if status == 200]
            assert len(winner) == 1, answers
            won[winner[0]] += 1
            approved = winner[0] != "paula"
            assert bool(ingest.published(ready["batch_id"], PaymentApproved)) == approved
            assert [e.status for e in ingest.published(ready["batch_id"], BatchChanged)][2:] == [
                "approved" if approved else "discarded"
            ]
    assert sum(won.values()) == 100
