"""Recovery after a restore: approved batches stay approved, others are checked again."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import connect, run
from libs.common.recovery import restore
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def newest_event(ingest: IngestHarness, batch: Any) -> BatchChanged:
    last: BatchChanged = max(
        ingest.published(batch["batch_id"], BatchChanged), key=lambda b: b.version
    )
    return last


SAME = (
    "status",
    "digest",
    "rows",
    "amount_cents",
    "approved_by",
    "approved_at",
    "period",
    "family_id",
    "filename",
)


@pytest.mark.parametrize("knows", ["nothing", "ready"])
@pytest.mark.parametrize("lost", [0, 7], ids=["all published", "some payments not published"])
def test_what_was_approved_since_the_backup_cannot_be_approved_again(
    backed_up: BackedUpIngest, xml: bytes, knows: str, lost: int
) -> None:
    backup = backed_up.back_up() if knows == "nothing" else ""
    ready = backed_up.ingest.ready(xml)
    backup = backup or backed_up.back_up()
    assert backed_up.ingest.approve(ready).status_code == 200
    was, payments = backed_up.ingest.batch(ready["batch_id"]), backed_up.ingest.payments(ready)
    messages = {
        p.event_id: p for p in backed_up.ingest.published(ready["batch_id"], PaymentApproved)
    }
    people = {row["row_id"]: row for row in backed_up.ingest.rows(ready)}
    ingest = backed_up.restore(backup, lost)
    now = ingest.batch(ready["batch_id"])
    assert {name: now[name] for name in SAME} == {name: was[name] for name in SAME}
    assert ingest.payments(ready) == payments
    assert {
        p.event_id: p.model_copy(update={"occurred_at": None})
        for p in ingest.published(ready["batch_id"], PaymentApproved)
    } == {i: p.model_copy(update={"occurred_at": None}) for i, p in messages.items()}, (
        "those that were not published are published"
    )
    kept = {row["row_id"]: row for row in ingest.rows(ready)}
    assert [
        (r["status"], r["payment_id"], r["amount_cents"], r["last_name"]) for r in kept.values()
    ] == [
        (
            people[i]["status"],
            people[i]["payment_id"],
            people[i]["amount_cents"],
            people[i]["last_name"],
        )
        for i in kept
    ]
    assert ingest.upload(xml).status_code == 409, "the same bytes"
    again = ingest.ready(spaced(xml), period=ready["period"])
    assert (again["rows"]["payable"], again["rows"]["excluded"]) == (0, ready["rows"]["payable"])
    ingest.end(ready, payments[:3])
    assert ingest.child(ready, filter={"status": "failed"}).status_code == 202, "and it goes on"


def test_what_was_released_and_approved_again_stays_with_the_later_batch(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    backup = backed_up.back_up()
    first = backed_up.ingest.ready(xml)
    assert backed_up.ingest.approve(first).status_code == 200
    payments = backed_up.ingest.payments(first)
    backed_up.ingest.end(first, payments[:4])
    child = backed_up.ingest.check(
        backed_up.ingest.child(first, filter={"status": "failed"}).json()["batch_id"]
    )
    assert backed_up.ingest.approve(child).status_code == 200
    cancelled = backed_up.ingest.payments(first)[4:6]
    backed_up.ingest.end(first, cancelled, "cancelled")
    second = backed_up.ingest.ready(spaced(xml), period=first["period"])
    assert backed_up.ingest.approve(second).status_code == 200
    rows, claims = (
        backed_up.ingest.payments(second),
        [backed_up.ingest.live_claims(first), backed_up.ingest.live_claims(second)],
    )
    ingest = backed_up.restore(backup)
    assert (ingest.payments(second), [ingest.live_claims(first), ingest.live_claims(second)]) == (
        rows,
        claims,
    )
    ingest.end(first, [*payments[:4], *cancelled])  # the ledger's messages come again
    third = ingest.ready(spaced(spaced(xml)), period=first["period"])
    assert third["rows"]["payable"] == 0


def test_an_approved_batch_whose_rows_are_not_all_on_the_topic_blocks_the_recovery(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    backup = backed_up.back_up()
    assert backed_up.ingest.approve(backed_up.ingest.ready(xml)).status_code == 200
    with backed_up.ingest.engine.begin() as connection:
        run(
            connection,
            "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE message_type = :type)",
            type=RowRead.name(),
        )
    with pytest.raises(restore.RecoveryBlocked, match="only 19 of its 20 rows"):
        backed_up.restore(backup)


def test_what_was_not_approved_is_checked_again_or_discarded(
    backed_up: BackedUpIngest, make_xml: MakeXml
) -> None:
    known = backed_up.ingest.ready(make_xml(8))
    gone = backed_up.ingest.ready(make_xml(6))
    backup = backed_up.back_up()
    change = {
        "source_account_id": known["sources"][0]["source_account_id"],
        "field": "city",
        "from": backed_up.ingest.city_of(known),
        "to": "Ames",
    }
    assert (
        backed_up.ingest.call(
            "POST",
            f"/batches/{known['batch_id']}/corrections",
            "maria",
            json={"corrections": [change]},
        ).status_code
        == 200
    )
    backed_up.ingest.check(known["batch_id"])
    assert backed_up.ingest.discard(gone).status_code == 200
    unknown_xml = make_xml(5)
    unknown = backed_up.ingest.ready(unknown_xml)
    before = newest_event(backed_up.ingest, known)
    ingest = backed_up.restore(backup)
    assert ingest.batch(known["batch_id"])["status"] == "checking"
    assert newest_event(ingest, known).version == before.version + 1
    assert newest_event(ingest, known).revision == before.revision + 1
    checked = ingest.check(known["batch_id"])
    assert checked["status"] == "ready"
    assert ingest.approve(checked, "maria").json()["code"] == "approval.same-person", (
        "she corrected it, though the correction is lost"
    )
    assert ingest.approve(checked).status_code == 200
    assert ingest.batch(gone["batch_id"])["status"] == "discarded"
    assert ingest.batch(unknown["batch_id"])["status"] == "discarded"
    assert newest_event(ingest, unknown).status == "discarded"
    fresh = ingest.ready(unknown_xml, period=next_period(unknown))
    assert fresh["rows"]["payable"] == unknown["rows"]["payable"]
    assert UUID(fresh["batch_id"]) != UUID(unknown["batch_id"])


def test_a_backup_made_while_a_file_was_read(backed_up: BackedUpIngest, xml: bytes) -> None:
    batch_id = backed_up.ingest.upload(xml).json()["batch_id"]
    backup = backed_up.back_up()
    backed_up.ingest.read_all()
    ready = backed_up.ingest.check(batch_id)
    assert backed_up.ingest.approve(ready).status_code == 200
    payments = backed_up.ingest.payments(ready)
    ingest = backed_up.restore(backup)
    assert (ingest.batch(batch_id)["status"], ingest.payments(ready)) == ("approved", payments)


def test_rows_published_under_a_revision_the_batch_did_not_reach_are_published_under_a_later_one(
    backed_up: BackedUpIngest, xml: bytes
) -> None:
    batch_id = backed_up.ingest.upload(xml).json()["batch_id"]
    backed_up.ingest.read_all()
    backup = backed_up.back_up()
    backed_up.ingest.check(batch_id)
    ingest = backed_up.restore(backup, 1)  # the last message is the batch's own, `ready`
    assert ingest.batch(batch_id)["status"] == "checking"
    assert ingest.check(batch_id)["status"] == "ready"
    assert {row.revision for row in ingest.published(batch_id, RowRead)} >= {1}
    assert ingest.approve(ingest.batch(batch_id)).status_code == 200


@pytest.mark.parametrize("compared", [False, True])
def test_two_spellings_that_an_older_version_approved_both_stand_after_a_recovery(
    backed_up: BackedUpIngest, compared: bool
) -> None:
    backup, ingest = backed_up.back_up(), backed_up.ingest
    found: list[Any] = []
    for employee_id in ("EMP-77-a", "EMP-77-A"):
        batch = ingest.ready(roster(row({"Employee/DunkinId": employee_id})))
        with connect(ingest.owner_url, "test").begin() as connection:
            if not compared:  # it did not know the last day of a period
                run(connection, "UPDATE batch SET period_end = NULL WHERE status = 'ready'")
        assert ingest.approve(batch).status_code == 200
        if compared and not found:
            ingest.end(batch, ingest.payments(batch))
        with connect(ingest.owner_url, "test").begin() as connection:
            run(connection, "ALTER TABLE claimed_days DISABLE TRIGGER USER")
            run(connection, "DELETE FROM claimed_days")
            run(connection, "ALTER TABLE claimed_days ENABLE TRIGGER USER")
        found.append(batch)
    ingest = backed_up.restore(backup)
    with ingest.engine.connect() as connection:
        standing = run(
            connection,
            """
            SELECT p.batch_id::text
            FROM payment p
            JOIN payment_row USING (payment_id)
            WHERE NOT released""",
        ).scalars()
        days = run(connection, "SELECT batch_id::text FROM claimed_days").scalars()
        first, second = (batch["batch_id"] for batch in found)
        assert set(standing) == ({second} if compared else {first, second})
        assert list(days) == [second if compared else first]


@pytest.mark.parametrize("lost", ["nothing", "the decisions", "the batch"])
def test_decisions_and_holds_are_as_they_were(backed_up: BackedUpIngest, lost: str) -> None:
    def call(path: str, who: str, **body: Any) -> None:
        assert backed_up.ingest.call("POST", path, who, json=body).status_code == 200

    one, other, held, third = (
        {"Employee/DunkinId": f"EMP-{n}", "Payee/LoanAccountNumber": f"5550{n}{n}"}
        for n in range(101, 105)
    )
    backup = backed_up.back_up()
    ingest = backed_up.ingest
    first = ingest.ready(roster(row(other)))
    assert ingest.approve(first).status_code == 200
    batch = ingest.ready(roster(row(one), row(other), row(held), row(third)))
    backup = backup if lost == "the batch" else backed_up.back_up()
    call("/holds", "peter", kind="person", id="emp-103", reason="order", evidence="ticket 1")
    batch, rows = ingest.check(batch["batch_id"]), ingest.rows(batch)
    path = f"/batches/{batch['batch_id']}/decisions"
    exclude = {"act": "exclude", "row_id": rows[0]["row_id"], "reason": "left"}
    include = {"act": "include", "row_id": rows[1]["row_id"], "reason": "second half"}
    call(path, "adam", decisions=[exclude, include])
    if lost == "the decisions":
        backup = backed_up.back_up()
        taken = next(d for d in ingest.get(path)["items"] if d["act"] == "exclude")
        batch = ingest.check(batch["batch_id"])
        assert ingest.call("DELETE", f"{path}/{taken['decision_id']}", "maria").status_code == 200
    batch = ingest.check(batch["batch_id"])
    if lost != "the decisions":
        assert ingest.approve(batch).status_code == 200
    was, shown = ingest.get(path)["items"], ingest.rows(batch)
    holds = ingest.get("/holds")
    ingest = backed_up.restore(backup)
    if lost == "the decisions":
        ingest.check(batch["batch_id"])
    assert ingest.get(path)["items"] == was
    assert ingest.get("/holds") == holds
    kept = ingest.rows(batch)
    assert [(r["status"], r["reason"]) for r in kept] == [(r["status"], r["reason"]) for r in shown]
    assert [r["status"] for r in kept] == [
        *("payable" if lost == "the decisions" else "excluded", "payable", "excluded", "payable"),
    ]
    assert kept[2]["reason_code"] == "on_hold"
    if lost == "the decisions":
        again = ingest.batch(batch["batch_id"])
        assert ingest.approve(again, "maria").json()["code"] == "approval.same-person"
        assert ingest.approve(again, "adam").json()["code"] == "approval.same-person"
        assert ingest.approve(again).status_code == 200


def test_a_decision_that_was_never_published_does_not_stand(backed_up: BackedUpIngest) -> None:
    """Meanwhile another row was excluded at the same revision, and that was published."""

    def exclude(ingest: IngestHarness, number: int) -> None:
        row_id = ingest.rows(batch)[number]["row_id"]
        one = {"act": "exclude", "row_id": row_id, "reason": f"row {number}"}
        assert ingest.call("POST", path, "adam", json={"decisions": [one]}).status_code == 200

    people = (
        {"Employee/DunkinId": f"EMP-{n}", "Payee/LoanAccountNumber": f"5550{n}{n}"} for n in (1, 2)
    )
    batch = backed_up.ingest.ready(roster(*map(row, people)))
    path = f"/batches/{batch['batch_id']}/decisions"
    before = backed_up.back_up()
    exclude(backed_up.ingest, 0)
    lost = backed_up.back_up()
    ingest = backed_up.restore(before, lost=1)
    exclude(ingest, 1)
    ingest.check(batch["batch_id"])
    ingest = backed_up.restore(lost)
    again = ingest.check(batch["batch_id"])
    assert [one["status"] for one in ingest.rows(again)] == ["payable", "excluded"]
    made = {one["reason"]: one["withdrawn_by"] for one in ingest.get(path)["items"]}
    assert made == {"row 0": "paydown", "row 1": None}
