"""Approving, discarding, correcting and claims, on a real database."""

import base64
import json
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

from devtools import sample_roster
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.preparation import DispatchChanged, SourceProblem
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.tests.harness import World, consistent, next_period, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def doubled(xml: bytes) -> bytes:
    """The first row twice more: same employee, source and loan."""
    row = xml[xml.index(b"<row>") : xml.index(b"</row>") + 6]
    return xml.replace(b"</root>", row * 2 + b"</root>")


def test_an_approval_makes_each_payment_of_its_rows_once(world: World, xml: bytes) -> None:
    ready = world.ready(doubled(xml))
    answer = world.approve(ready)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["digest"], answer.json()["approved_by"]) == (
        "approved",
        ready["digest"],
        "anna",
    )
    payable = world.rows(ready, status="payable")
    payments = world.published(ready["batch_id"], PaymentApproved)
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
    last = world.published(ready["batch_id"], BatchChanged)[-1]
    assert (last.status, last.payments, last.payments_cents) == (
        "approved",
        len(payments),
        ready["amount_cents"]["payable"],
    )
    assert (answer.json()["payments"], answer.json()["payments_cents"]) == (
        last.payments,
        last.payments_cents,
    )
    one = world.get(f"/payments/{payments[0].payment_id}")
    assert (one["batch_id"], len(one["rows"]), one["approval"]["approved_by"]) == (
        ready["batch_id"],
        len(payments[0].rows),
        "anna",
    )


def test_the_same_approval_again_is_the_same_answer_and_nothing_more(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    first = world.approve(ready).json()
    sent = len(world.published(ready["batch_id"], PaymentApproved))
    assert world.approve(ready).json() == first
    assert world.approve(ready, "adam").status_code == 409
    assert len(world.published(ready["batch_id"], PaymentApproved)) == sent
    assert world.discard(ready).status_code == 409


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
    world: World, xml: bytes, who: str, change: dict[str, Any], status: int, code: str
) -> None:
    ready = world.ready(xml)
    answer = world.approve(ready, who, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.batch(ready["batch_id"]) == ready
    assert world.live_claims(ready) == 0


def test_who_uploaded_or_corrected_cannot_approve_even_with_the_role(
    world: World, xml: bytes
) -> None:
    assert (
        world.approve(world.ready(xml, who="maria"), "maria").json()["code"]
        == "approval.same-person"
    )
    ready = world.ready(spaced(xml), who="paula")
    source = ready["sources"][0]["source_account_id"]
    change = {
        "corrections": [
            {"source_account_id": source, "field": "city", "from": city(world, ready), "to": "Ames"}
        ]
    }
    assert (
        world.call(
            "POST", f"/batches/{ready['batch_id']}/corrections", "maria", json=change
        ).status_code
        == 200
    )
    again = world.check(ready["batch_id"])
    assert world.approve(again, "maria").json()["code"] == "approval.same-person"
    assert world.approve(again).status_code == 200


def city(world: World, batch: Any) -> str:
    with world.engine.connect() as connection:
        return str(
            run(
                connection,
                "SELECT city FROM batch_source WHERE batch_id = :id LIMIT 1",
                id=batch["batch_id"],
            ).scalar_one()
        )


@pytest.mark.parametrize("person", ["paula", "anna"])
def test_the_database_itself_refuses_an_approval_by_the_uploader(
    world: World, xml: bytes, person: str
) -> None:
    ready = world.ready(xml)

    def insert() -> None:
        with create_engine(
            world.owner_url
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
        with pytest.raises(DBAPIError), world.engine.begin() as connection:
            run(connection, f"{change} WHERE batch_id = :id", id=ready["batch_id"])


def test_an_approval_of_another_digest_is_refused_by_the_database(world: World, xml: bytes) -> None:
    ready = world.ready(xml)
    with world.engine.connect() as connection:
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
def test_one_person_may_do_both_where_the_setting_says_so_and_it_is_told_whoever_approves(
    world: World, xml: bytes, tmp_path: Path, approver: str
) -> None:
    alone = World.make(
        world.engine.url.render_as_string(hide_password=False), tmp_path / "files", one_person=True
    )
    ready = alone.ready(xml, who="maria")
    assert alone.approve(ready, approver).status_code == 200
    assert alone.published(ready["batch_id"], BatchChanged)[-1].one_person is True
    assert alone.batch(ready["batch_id"])["one_person"] is True
    alone.engine.dispose()


def test_the_rule_of_two_people_is_on_by_default(world: World, xml: bytes) -> None:
    ready = world.ready(xml, who="maria")
    assert world.approve(ready, "maria").status_code == 403
    assert world.approve(ready).status_code == 200
    assert world.published(ready["batch_id"], BatchChanged)[-1].one_person is False


def test_of_two_approvers_and_a_discarder_exactly_one_wins(world: World, make_xml: MakeXml) -> None:
    won = {"anna": 0, "adam": 0, "paula": 0}
    with ThreadPoolExecutor(4) as pool:
        for _ in range(100):
            ready = world.ready(make_xml(2).replace(b"ins_116527", b"ins_116304"))
            acts: list[tuple[str, Callable[[], Any]]] = [
                ("anna", partial(world.approve, ready)),
                ("paula", partial(world.discard, ready)),
                ("adam", partial(world.approve, ready, "adam")),
                ("maker", partial(world.approve, ready, "paula")),
            ]
            answers = {
                who: answer.result().status_code
                for who, answer in [(who, pool.submit(act)) for who, act in acts]
            }
            winner = [who for who, status in answers.items() if status == 200]
            assert len(winner) == 1, answers
            won[winner[0]] += 1
            approved = winner[0] != "paula"
            assert bool(world.published(ready["batch_id"], PaymentApproved)) == approved
            assert [e.status for e in world.published(ready["batch_id"], BatchChanged)][2:] == [
                "approved" if approved else "discarded"
            ]
    assert sum(won.values()) == 100


def test_a_discard_needs_a_reason_and_can_be_repeated_by_the_same_person(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    assert world.discard(ready, reason="").status_code == 422
    assert world.discard(ready, "otto").status_code == 403
    first = world.discard(ready, reason="wrong file").json()
    assert world.discard(ready, reason="again").json() == first
    assert world.discard(ready, "peter").status_code == 409
    assert world.approve(ready).status_code == 409
    assert world.batch(ready["batch_id"])["reason"] == "wrong file"


def test_a_correction_leads_to_another_digest_and_is_kept_beside_the_original(world: World) -> None:
    xml = consistent(
        sample_roster.make(40, 977)
    )  # of this seed, because it needs rows of an institution without a merchant
    batch_id = world.upload(xml.replace(b"<Zip>50613</Zip>", b"<Zip>67485</Zip>")).json()[
        "batch_id"
    ]
    world.read_all()
    offered = world.batch(batch_id)["corrections_offered"]
    problems = [
        SourceProblem(
            source_account_id=one["source_account_id"],
            code="INVALID_ADDRESS",
            message="The zip is not in the state.",
        )
        for one in offered
    ]
    ready = world.check(batch_id, problems=problems)
    assert {(one["field"], one["from"], one["to"]) for one in offered} == {("state", "IA", "KS")}
    assert (ready["rows"]["payable"], {row["reason_code"] for row in world.rows(ready)}) == (
        0,
        {"INVALID_ADDRESS", "no_merchant"},
    )
    assert world.approve(ready).json()["code"] == "approval.nothing-payable"
    path = f"/batches/{batch_id}/corrections"
    for who, change, status in (
        ("anna", {}, 403),
        ("paula", {"from": "KS"}, 409),
        ("paula", {"to": "ZZ"}, 422),
        ("paula", {"field": "ein"}, 422),
        ("paula", {"source_account_id": "CORP-0"}, 409),
    ):
        wrong = {"corrections": [*offered[1:], {**offered[0], **change}]}
        assert world.call("POST", path, who, json=wrong).status_code == status
    assert world.batch(batch_id) == ready
    assert world.call("POST", path, "paula", json={"corrections": offered}).status_code == 200
    assert world.batch(batch_id)["status"] == "checking"
    assert world.published(batch_id, BatchChanged)[-1].sources[0].address.state == "KS"
    mended = world.check(batch_id)
    assert (mended["status"], mended["revision"], mended["corrections_offered"]) == ("ready", 2, [])
    assert mended["digest"] != ready["digest"]
    assert [
        {key: one[key] for key in ("source_account_id", "field", "from", "to")}
        for one in mended["corrections"]
    ] == offered
    assert "W_ZIP_STATE" not in mended["to_acknowledge"]
    assert world.approve(ready).status_code == 409
    assert world.approve(mended).status_code == 200
    sent = world.published(batch_id, RowRead)
    assert world.published(batch_id, BatchChanged)[-1].row_messages == len(sent)
    assert {message.revision for message in sent} == {1, 2}
    assert (
        len({message.row_id for message in sent if message.revision == 2})
        == mended["rows"]["payable"]
    )


def test_an_answer_to_an_older_check_is_not_believed(world: World, xml: bytes) -> None:
    batch_id = world.upload(xml).json()["batch_id"]
    world.read_all()
    world.preflight(batch_id)
    with world.engine.begin() as connection:
        run(connection, "UPDATE batch SET revision = 2 WHERE batch_id = :id", id=batch_id)
    world.settle()
    assert world.batch(batch_id)["status"] == "checking"
    assert world.check(batch_id)["status"] == "ready"


def test_a_provider_that_could_not_be_asked_is_a_warning(world: World, xml: bytes) -> None:
    batch_id = world.upload(xml).json()["batch_id"]
    world.read_all()
    ready = world.check(batch_id, checked=False)
    assert ready["rows"]["payable"] == 20
    assert "W_NOT_CHECKED" in ready["to_acknowledge"]


def test_rows_claimed_in_this_period_are_excluded_and_in_the_next_they_are_not(
    world: World, xml: bytes
) -> None:
    first = world.ready(xml)
    twin = world.ready(spaced(xml))
    assert twin["rows"] == first["rows"]
    assert world.approve(first).status_code == 200
    late = world.approve(twin)
    assert (late.status_code, late.json()["code"]) == (409, "approval.claims-moved")
    assert world.batch(twin["batch_id"])["status"] == "checking"
    twin = world.check(twin["batch_id"])
    assert (twin["rows"]["payable"], twin["rows"]["excluded"]) == (0, first["rows"]["payable"])
    assert {row["reason"] for row in world.rows(twin, status="excluded")} == {
        f"already in batch {first['batch_id']} of this period"
    }
    assert world.approve(twin).json()["code"] == "approval.nothing-payable"
    assert world.discard(twin).status_code == 200
    following = world.ready(spaced(xml), period=next_period(first))
    assert following["rows"] == first["rows"]
    assert world.approve(following).status_code == 200


def test_of_racing_approvals_of_the_same_rows_one_wins(world: World, make_xml: MakeXml) -> None:
    with ThreadPoolExecutor(3) as pool:
        for _ in range(15):
            xml = make_xml(5).replace(b"ins_116527", b"ins_116304")
            batches = [world.ready(xml), world.ready(spaced(xml)), world.ready(spaced(spaced(xml)))]
            answers = [
                answer.result().status_code
                for answer in [pool.submit(world.approve, batch) for batch in batches]
            ]
            assert sorted(answers) == [200, 409, 409]


def test_the_approver_takes_an_excluded_row_in_by_name(world: World, xml: bytes) -> None:
    first = world.ready(xml)
    assert world.approve(first).status_code == 200
    again = world.ready(spaced(xml))
    row = world.rows(again, status="excluded")[0]
    include = [{"row_id": row["row_id"], "reason": "a second contribution"}]
    assert world.approve(again, include=include).status_code == 200
    (payment,) = world.published(again["batch_id"], PaymentApproved)
    assert (payment.amount_cents, [str(one.row_id) for one in payment.rows]) == (
        row["amount_cents"],
        [row["row_id"]],
    )
    shown = world.rows(again, status="payable")
    assert [(one["row_id"], one["reason_code"]) for one in shown] == [(row["row_id"], "included")]
    assert "a second contribution" in shown[0]["reason"]
    told = world.published(again["batch_id"], RowRead)[-1]
    assert (str(told.row_id), told.status, told.payment_id, told.revision) == (
        row["row_id"],
        "payable",
        payment.payment_id,
        2,
    )
    last = world.published(again["batch_id"], BatchChanged)[-1]
    assert (last.row_messages, last.rows.payable, last.payments) == (21, 1, 1)


def test_the_dispatcher_and_the_certificate_move_the_batch_and_never_back(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    assert world.approve(ready).status_code == 200

    def dispatch(version: int, state: Any) -> str:
        world.send(
            DispatchChanged(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                batch_id=UUID(ready["batch_id"]),
                version=version,
                state=state,
            )
        )
        return str(world.batch(ready["batch_id"])["status"])

    assert [
        dispatch(1, "paying"),
        dispatch(2, "paused"),
        dispatch(1, "paying"),
        dispatch(3, "cancelled"),
    ] == ["paying", "paused", "paused", "paused"]
    world.certify(ready, "completed")
    assert dispatch(4, "paying") == "completed"
    world.certify(ready, "completed_with_failures", 2)
    world.certify(ready, "completed", 1)
    ended = world.batch(ready["batch_id"])
    assert (ended["status"], ended["certificate"]["version"], ended["certificate"]["outcome"]) == (
        "completed_with_failures",
        2,
        "completed_with_failures",
    )
    statuses = [event.status for event in world.published(ready["batch_id"], BatchChanged)]
    assert statuses == [
        "checking",
        "ready",
        "approved",
        "paying",
        "paused",
        "completed",
        "completed_with_failures",
    ]


def test_messages_about_strangers_are_rejected(world: World, xml: bytes) -> None:
    stranger = {"batch_id": str(uuid4()), "digest": "sha256:" + "0" * 64}
    acts: list[Callable[[], None]] = [
        partial(world.end, stranger, [uuid4()]),
        partial(world.certify, stranger),
        partial(world.certify, world.ready(xml)),
    ]
    for act in acts:
        with pytest.raises(Reject):
            act()


def test_nothing_stored_or_published_holds_a_personal_number_in_clear(
    world: World, xml: bytes
) -> None:
    ready = world.ready(xml)
    assert world.approve(ready).status_code == 200
    texts = [
        xml[xml.index(tag) + len(tag) :].split(b"<", 1)[0].decode()
        for tag in (b"<LoanAccountNumber>", b"<AccountNumber>", b"<PhoneNumber>", b"<DOB>")
    ]
    month, day, year = texts[3].split("-")
    with world.engine.connect() as connection:
        tables = (
            run(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            .scalars()
            .all()
        )
        for table in tables:
            content = json.dumps(
                [list(map(str, row)) for row in run(connection, f"SELECT * FROM {table}")]
            )
            assert not [text for text in (*texts, f"{year}-{month}-{day}") if text in content], (
                table
            )
    assert len(tables) > 15
    assert base64.b64encode(texts[0].encode()).decode() not in content
