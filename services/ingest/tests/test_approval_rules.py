"""Rules by amount: two people approve from a sum on; two people change the rules."""

from collections.abc import Callable
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.web.internal_auth import COUNTS_AS
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database
FROM_1: dict[str, Any] = {"scope": "total", "from_cents": 1}
INSERT_APPROVAL = """
    INSERT INTO approval (batch_id, digest, approved_by, approved_at, acknowledged,
        one_person, payments, payments_cents, rules_version)
    VALUES (:id, :digest, 'adam', now(), '{}', false, 1, 1, :version)"""
MakeXml = Callable[[int], bytes]


def propose(ingest: IngestHarness, *rules: dict[str, Any], **more: Any) -> Response:
    who = more.pop("who", "ada")
    current = ingest.get("/approval-rules")["current"]
    body = {
        "base": current["rules_version"] if current else 0,
        "rules": rules,
        "reason": "agreed",
        **more,
    }
    return ingest.call("POST", "/approval-rules", who, json=body)


def end(ingest: IngestHarness, version: int, act: str, who: str, **more: Any) -> Response:
    body = {"json": {"reason": "not so"}} if act == "reject" else {}
    return ingest.call("POST", f"/approval-rules/{version}/{act}", who, **body, **more)


def set_rules(ingest: IngestHarness, *rules: dict[str, Any]) -> None:
    """Propose and confirm rules."""
    answer = propose(ingest, *rules)
    assert answer.status_code == 200, answer.text
    answer = end(ingest, answer.json()["rules_version"], "confirm", "adam")
    assert answer.status_code == 200, answer.text


@pytest.fixture(autouse=True)
def no_rules(ingest: IngestHarness) -> None:
    """Each test begins without rules, and without a proposal."""
    found = ingest.get("/approval-rules")
    if found["proposal"]:
        end(ingest, found["proposal"]["rules_version"], "reject", "ada")
    if found["current"] and found["current"]["rules"]:
        set_rules(ingest)


def test_two_people_change_the_rules(ingest: IngestHarness) -> None:
    version = propose(ingest, FROM_1).json()["rules_version"]
    assert not (ingest.get("/approval-rules")["current"] or {}).get("rules")
    own = end(ingest, version, "confirm", "ada")
    assert (own.status_code, own.json()["code"]) == (403, "approval-rules.same-person")
    token = {COUNTS_AS: "ada"}
    same = end(ingest, version, "confirm", "adam", headers=token)
    assert (same.status_code, same.json()["code"]) == (403, "approval-rules.same-person")
    second = propose(ingest)
    assert (second.status_code, second.json()["code"]) == (409, "approval-rules.open")
    assert end(ingest, version, "confirm", "adam").json()["state"] == "confirmed"
    assert end(ingest, version, "confirm", "adam").status_code == 200  # the same again
    found = ingest.get("/approval-rules")
    assert found["current"]["rules_version"] == version
    assert found["current"]["rules"][0]["sentence"] == "the batch pays $0.01 or more"
    assert found["items"][0]["ended_by"] == "adam"


def test_rules_are_rejected_with_a_reason_and_kept(ingest: IngestHarness) -> None:
    version = propose(ingest, FROM_1).json()["rules_version"]
    assert end(ingest, version, "reject", "anna").json()["state"] == "rejected"
    late = end(ingest, version, "confirm", "adam")
    assert (late.status_code, late.json()["code"]) == (409, "approval-rules.over")
    (newest, *_) = ingest.get("/approval-rules")["items"]
    assert (newest["ended_by"], newest["end_reason"]) == ("anna", "not so")


def test_only_an_administrator_proposes_and_only_rules_that_make_sense(
    ingest: IngestHarness,
) -> None:
    assert propose(ingest, FROM_1, who="adam").json()["code"] == "auth.forbidden"
    twice = propose(ingest, FROM_1, {**FROM_1, "from_cents": 2})
    assert (twice.status_code, twice.json()["code"]) == (422, "approval-rules.twice")
    named = propose(ingest, {**FROM_1, "source_account_id": "A"})
    assert (named.status_code, named.json()["code"]) == (422, "approval-rules.scope")
    stale = propose(ingest, FROM_1, base=999)
    assert (stale.status_code, stale.json()["code"]) == (409, "approval-rules.stale")
    many = [{"scope": "source", "source_account_id": f"{n}", "from_cents": 1} for n in range(51)]
    assert propose(ingest, *many).json()["code"] == "approval-rules.too-many"
    assert ingest.get("/approval-rules")["proposal"] is None


def test_rules_are_tried_out_on_batches_that_were_approved(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    small, large = ingest.ready(make_xml(1)), ingest.ready(make_xml(30))
    for batch in (small, large):
        assert ingest.approve(batch).status_code == 200
    cents = large["amount_cents"]["payable"]
    tried = propose(ingest, {"scope": "total", "from_cents": cents}, dry_run=True).json()
    needs = {one["batch_id"]: one for one in tried["batches"]}
    assert needs[large["batch_id"]]["needs_two"]
    assert not needs[large["batch_id"]]["needs_two_now"]
    assert needs[large["batch_id"]]["because"] == [f"the batch pays ${cents / 100:.2f} or more"]
    assert not needs[small["batch_id"]]["needs_two"]
    assert tried["tried"] == len(needs)
    assert tried["tried_two"] == sum(one["needs_two"] for one in needs.values())
    assert ingest.get("/approval-rules")["proposal"] is None
    # a proposal keeps what it was tried on, and another can be tried out beside it
    kept = propose(ingest, {"scope": "total", "from_cents": cents}).json()
    assert (kept["tried"], kept["tried_two"]) == (tried["tried"], tried["tried_two"])
    assert propose(ingest, FROM_1, dry_run=True).json()["tried_two"] == tried["tried"]


def test_nothing_is_paid_before_the_second_of_two_people_approves(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml)
    assert (batch["approvals_needed"], batch["first_approval"]) == (2, None)
    (because,) = batch["approvals_because"]
    assert because["sentence"] == "the batch pays $0.01 or more"
    first = ingest.approve(batch, "anna")
    assert (first.status_code, first.json()["status"]) == (200, "ready")
    assert ingest.approve(batch, "anna").json() == first.json()  # one person, however often
    shown = ingest.batch(batch["batch_id"])
    assert (shown["status"], shown["approved_by"]) == ("ready", None)
    assert shown["first_approval"]["approved_by"] == "anna"
    (line,) = ingest.get("/batches", q=batch["batch_id"])["items"]
    assert line["first_approved_by"] == "anna"
    assert not ingest.payments(batch)
    assert not ingest.published(batch["batch_id"], PaymentApproved)
    same = ingest.approve(batch, "adam", headers={COUNTS_AS: "anna"})
    assert (same.status_code, same.json()["code"]) == (403, "approval.second-person")
    second = ingest.approve(batch, "adam")
    assert (second.status_code, second.json()["status"]) == (200, "approved")
    assert ingest.payments(batch)
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    assert (event.approved_by, event.first_approval.approved_by) == ("adam", "anna")
    for who in ("anna", "adam"):  # the same again
        assert ingest.approve(batch, who).json()["approved_by"] == "adam"


def test_who_had_a_hand_in_a_batch_gives_neither_approval(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml, "maria")
    assert ingest.approve(batch, "maria").json()["code"] == "approval.same-person"
    assert ingest.approve(batch, "anna").status_code == 200
    assert ingest.approve(batch, "maria").json()["code"] == "approval.same-person"
    assert not ingest.payments(batch)


def test_a_first_approval_of_another_digest_or_of_what_was_sent_back_is_none(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml)
    assert ingest.approve(batch, "anna").status_code == 200
    decision = {"act": "exclude", "row_id": ingest.rows(batch)[0]["row_id"], "reason": "left"}
    path = f"/batches/{batch['batch_id']}"
    ingest.call("POST", f"{path}/decisions", "paula", json={"decisions": [decision]})
    batch = ingest.check(batch["batch_id"])
    assert batch["first_approval"] is None
    assert ingest.approve(batch, "adam").json()["status"] == "ready"
    asked = ingest.call(
        "POST", f"{path}/approval-requests", "paula", json={"digest": batch["digest"]}
    ).json()["approval_request"]
    request = f"{path}/approval-requests/{asked['request_id']}/send-back"
    assert ingest.call("POST", request, "anna", json={"reason": "no"}).status_code == 200
    assert ingest.batch(batch["batch_id"])["first_approval"] is None
    assert ingest.approve(batch, "anna").json()["status"] == "ready"
    assert ingest.approve(batch, "adam").json()["status"] == "approved"


def ask(ingest: IngestHarness, batch: Any, who: str) -> Response:
    path = f"/batches/{batch['batch_id']}/approval-requests"
    return ingest.call("POST", path, who, json={"digest": batch["digest"]})


def test_a_first_approver_who_has_a_hand_in_the_batch_later_is_none_of_two(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml)
    assert ingest.approve(batch, "maria").json()["status"] == "ready"
    assert ask(ingest, batch, "maria").status_code == 200
    shown = ingest.batch(batch["batch_id"])
    assert (shown["digest"], shown["first_approval"]) == (batch["digest"], None)
    (line,) = ingest.get("/batches", q=batch["batch_id"])["items"]
    assert line["first_approved_by"] is None
    assert ingest.published(batch["batch_id"], BatchChanged)[-1].first_approval is None
    with ingest.engine.connect() as connection:
        values = {
            "id": batch["batch_id"],
            "digest": batch["digest"],
            "version": ingest.get("/approval-rules")["current"]["rules_version"],
        }
        connection.execute(
            text("UPDATE batch SET status = 'approved' WHERE batch_id = :id"), values
        )
        with pytest.raises(DBAPIError, match="asks for the approvals"):
            connection.execute(text(INSERT_APPROVAL), values)
    assert ingest.approve(batch, "adam").json()["status"] == "ready"
    assert ingest.batch(batch["batch_id"])["first_approval"]["approved_by"] == "adam"
    assert not ingest.payments(batch)
    assert ingest.approve(batch, "anna").json()["status"] == "approved"


def test_rules_of_one_source_and_of_any_source(ingest: IngestHarness) -> None:
    rows = [
        row({"Amount": "$8.00"}),
        row({"Amount": "$7.00", "Payor/DunkinId": "CORP-9", "Payor/AccountNumber": "5550009"}),
    ]
    batch = ingest.ready(roster(*rows))
    sums = {one["source_account_id"]: one["amount_cents"] for one in batch["sources"]}
    assert sorted(sums.values()) == [700, 800]

    def needed(*rules: dict[str, Any]) -> int:
        set_rules(ingest, *rules)
        return int(ingest.batch(batch["batch_id"])["approvals_needed"])

    assert needed({"scope": "source", "from_cents": 801}) == 1
    assert needed({"scope": "source", "from_cents": 800}) == 2
    assert needed({"scope": "source", "source_account_id": "CORP-9", "from_cents": 701}) == 1
    assert needed({"scope": "source", "source_account_id": "CORP-9", "from_cents": 700}) == 2
    assert needed({"scope": "total", "from_cents": 1501}) == 1
    assert needed({"scope": "total", "from_cents": 1500}) == 2
    assert needed() == 1


def test_rows_are_not_included_in_one_of_two_approvals(ingest: IngestHarness) -> None:
    same = row({"Employee/DunkinId": "EMP-two", "Payee/LoanAccountNumber": "70000001"})
    other = row({"Employee/DunkinId": "EMP-two-b", "Payee/LoanAccountNumber": "70000002"})
    assert ingest.approve(ingest.ready(roster(same))).status_code == 200
    batch = ingest.ready(roster(same, other))
    set_rules(ingest, FROM_1)
    (excluded,) = ingest.rows(batch, reason_code="already_in_period")
    include = [{"row_id": excluded["row_id"], "reason": "twice"}]
    refused = ingest.approve(batch, "anna", include=include)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.include-two")
    assert ingest.batch(batch["batch_id"])["digest"] == batch["digest"]


def test_rules_that_were_lifted_ask_for_one_approval_again(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml)
    assert ingest.approve(batch, "anna").json()["status"] == "ready"
    set_rules(ingest)
    assert ingest.approve(batch, "anna").json()["status"] == "approved"


def test_the_database_refuses_one_approval_where_rules_ask_for_two(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    batch = ingest.ready(xml)
    version = ingest.get("/approval-rules")["current"]["rules_version"]
    values = {"id": batch["batch_id"], "digest": batch["digest"]}
    for rules_version in (version, version - 1, 0):  # also under rules that hold no more
        with ingest.engine.connect() as connection:
            connection.execute(
                text("UPDATE batch SET status = 'approved' WHERE batch_id = :id"), values
            )
            with pytest.raises(DBAPIError, match=r"asks for the approvals|other rules held"):
                connection.execute(text(INSERT_APPROVAL), {**values, "version": rules_version})
    assert ingest.approve(batch, "anna").status_code == 200
    with ingest.engine.connect() as connection:
        connection.execute(
            text("UPDATE batch SET status = 'approved' WHERE batch_id = :id"), values
        )
        by_anna = INSERT_APPROVAL.replace("'adam'", "'anna'")
        with pytest.raises(DBAPIError, match="asks for the approvals"):
            connection.execute(text(by_anna), {**values, "version": version})


def test_the_database_keeps_rules_and_first_approvals_as_they_were_written(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    ingest.approve(ingest.ready(xml), "anna")
    for change in (
        "UPDATE approval_rule SET from_cents = 100000000",
        "DELETE FROM approval_rule",
        "UPDATE approval_rules SET outcome = 'rejected' WHERE outcome = 'confirmed'",
        "DELETE FROM approval_rules",
        "UPDATE first_approval SET approved_by = 'adam'",
        "UPDATE first_approval SET void = false WHERE void OR NOT void",
        "DELETE FROM first_approval",
    ):
        with ingest.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(change))
    version = propose(ingest).json()["rules_version"]
    confirm = "UPDATE approval_rules SET outcome = 'confirmed', ended_by = 'ada', \
ended_at = now() WHERE rules_version = :version"
    with ingest.engine.connect() as connection, pytest.raises(IntegrityError, match="another"):
        connection.execute(text(confirm), {"version": version})
