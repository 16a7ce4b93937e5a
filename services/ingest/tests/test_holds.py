"""Standing holds: what falls under one arrives excluded in every batch, until it is lifted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.pool import ThreadPool
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from libs.common.contracts.events.holds import HoldChanged
from libs.common.database.engine import run
from services.ingest.domain.batch import row_id
from services.ingest.domain.hold import Hold
from services.ingest.staging import business_day
from services.ingest.store import holds, other_people
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period
from services.ingest.tests.people_and_loans import approved, other_id, someone

pytestmark = pytest.mark.database
TODAY = business_day(datetime.now(UTC))


def hold(ingest: IngestHarness, who: str = "peter", **body: Any) -> Any:
    wanted = {"kind": "person", "reason": "divorce order", **body}
    return ingest.call("POST", "/holds", who, json=wanted)


def lift(ingest: IngestHarness, one: Any, who: str = "anna") -> Any:
    path = f"/holds/{one['hold_id']}/lift"
    return ingest.call("POST", path, who, json={"reason": "settled"})


def mine(**changes: str) -> dict[str, str]:
    """Someone with a source and a branch that no other test holds."""
    one = someone()
    tail = one["Employee/DunkinId"][4:]
    return {
        **one,
        "Payor/DunkinId": f"CORP-{tail}",
        "Payor/AccountNumber": f"777{tail[:6]}",
        "Employee/DunkinBranch": f"BRC-{tail}",
        **changes,
    }


def named(kind: str, one: dict[str, str]) -> dict[str, str]:
    """A hold's target, in another spelling where that is the same."""
    return {
        "person": {"id": f" {one['Employee/DunkinId'].upper()}"},
        "loan": {
            "id": "00-" + one["Payee/LoanAccountNumber"].upper(),
            "institution_id": "ins_116944",
        },
        "branch": {"id": one["Employee/DunkinBranch"]},
        "source": {"id": one["Payor/DunkinId"]},
    }[kind]


@pytest.mark.parametrize("kind", ["person", "loan", "branch", "source"])
def test_what_is_held_arrives_excluded_until_it_is_lifted(ingest: IngestHarness, kind: str) -> None:
    one, other = mine(), mine()
    answer = hold(ingest, kind=kind, **named(kind, one))
    assert answer.status_code == 200, answer.text
    set_hold = answer.json()
    batch = ingest.ready(roster(row(one), row(other)))
    held, paid = ingest.rows(batch)
    assert (held["status"], held["reason_code"]) == ("excluded", "on_hold")
    assert held["reason"] == f"on hold ({set_hold['shown']}, set by peter): divorce order"
    assert paid["status"] == "payable"
    number = one["Payee/LoanAccountNumber"]
    assert number not in set_hold["shown"]

    include = {"act": "include", "row_id": held["row_id"], "reason": "x"}
    path = f"/batches/{batch['batch_id']}/decisions"
    refused = ingest.call("POST", path, "anna", json={"decisions": [include]})
    assert refused.json()["code"] == "decision.row"

    assert lift(ingest, set_hold, "peter").status_code == 403
    lifted = lift(ingest, set_hold)
    assert [b["batch_id"] for b in lifted.json()["open_batches"]] == [batch["batch_id"]]
    assert lift(ingest, set_hold).status_code == 200
    assert lift(ingest, set_hold, "adam").json()["code"] == "hold.lifted"
    again = ingest.check(batch["batch_id"])
    assert again["rows"]["payable"] == 2
    assert again["digest"] != batch["digest"]
    assert ingest.approve(again).status_code == 200


def test_a_hold_that_is_set_while_a_batch_waits_has_it_checked_again(ingest: IngestHarness) -> None:
    one, other = mine(), mine()
    batch = ingest.ready(roster(row(one), row(other)))
    looked = hold(ingest, row_id=ingest.rows(batch)[0]["row_id"], dry_run=True)
    assert looked.json()["open_batches"][0]["rows"] == 1
    assert looked.json()["open_batches"][0]["amount_cents"] == 703
    assert ingest.batch(batch["batch_id"]) == batch
    done = hold(ingest, row_id=ingest.rows(batch)[0]["row_id"])
    assert done.json()["shown"] == f"employee {one['Employee/DunkinId']}"
    assert ingest.approve(batch).status_code == 409
    now = ingest.check(batch["batch_id"])
    assert (now["rows"]["payable"], now["rows"]["excluded"]) == (1, 1)
    assert now["digest"] != batch["digest"]
    assert ingest.approve(now).status_code == 200


def test_a_dry_run_of_a_hold_does_not_wait_for_an_approval(ingest: IngestHarness) -> None:
    target = named("branch", mine())
    with ThreadPool(1) as other, ingest.engine.begin() as connection:
        other_people.lock_approvals(connection)
        looked = other.apply_async(hold, (ingest,), {"kind": "branch", "dry_run": True, **target})
        assert looked.get(timeout=10).json()["dry_run"] is True


def test_an_approval_is_refused_if_the_check_did_not_see_the_hold(ingest: IngestHarness) -> None:
    one = mine()
    batch = ingest.ready(roster(row(one), row(mine())))
    with ingest.engine.begin() as connection:  # as if it ended before the batch was checked again
        holds.write_hold(
            connection,
            Hold(
                hold_id=row_id(UUID(batch["batch_id"]), 99),
                kind="branch",
                key=one["Employee/DunkinBranch"],
                shown="branch",
                first_day=date.fromisoformat(batch["period"]),
                last_day=None,
                reason="closed",
                evidence="",
                set_by="peter",
                set_at=datetime.now(UTC),
            ),
        )
    refused = ingest.approve(batch)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.held")
    assert ingest.payments(batch) == []
    now = ingest.check(batch["batch_id"])
    assert now["rows"]["excluded"] == 1
    assert ingest.approve(now).status_code == 200


def test_a_hold_without_a_first_day_is_on_open_batches_of_past_periods(
    ingest: IngestHarness,
) -> None:
    past = str(TODAY - timedelta(days=150))
    batch = ingest.ready(roster(row(mine()), row(mine())), period=past)
    answer = hold(ingest, row_id=ingest.rows(batch)[0]["row_id"])
    assert answer.json()["open_batches"][0]["rows"] == 1
    assert ingest.check(batch["batch_id"])["rows"]["excluded"] == 1


def test_rows_of_a_lifted_hold_are_not_left_out_because_a_crash_missed_the_check(
    ingest: IngestHarness,
) -> None:
    one = mine()
    set_hold = hold(ingest, **named("person", one)).json()
    first, second = (ingest.ready(roster(row(one), row(mine())) + b" " * n) for n in (0, 1))
    with ingest.engine.begin() as connection:  # as if it ended before the batches were checked
        found = holds.find_hold(connection, UUID(set_hold["hold_id"]))
        assert found is not None
        now = datetime.now(UTC)
        lifted = replace(found, lifted_by="anna", lifted_at=now, lift_reason="settled")
        holds.lift_hold(connection, lifted)
    refused = ingest.approve(first)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.held")
    assert ingest.check(first["batch_id"])["rows"]["payable"] == 2
    assert lift(ingest, set_hold).status_code == 200, "the same call again checks the others"
    assert ingest.check(second["batch_id"])["rows"]["payable"] == 2


def test_a_hold_counts_on_its_days_alone(ingest: IngestHarness) -> None:
    one = mine()
    batch = ingest.ready(roster(row(one)))
    first = date.fromisoformat(batch["period"])
    assert ingest.discard(batch).status_code == 200
    before = {"first_day": str(first - timedelta(days=9)), "last_day": str(first - timedelta(1))}
    assert hold(ingest, **named("person", one), **before).status_code == 200
    batch = ingest.ready(roster(row(one)) + b" ")
    assert batch["rows"]["payable"] == 1
    on_last = {"first_day": batch["period_end"], "last_day": batch["period_end"]}
    assert hold(ingest, **named("person", one), **on_last).status_code == 200
    assert ingest.check(batch["batch_id"])["rows"]["excluded"] == 1
    following = ingest.ready(roster(row(one)) + b"  ", period=next_period(batch))
    assert following["rows"]["payable"] == 1


def test_a_hold_of_the_same_days_stands_once(ingest: IngestHarness) -> None:
    one = mine()
    assert hold(ingest, **named("loan", one), kind="loan").status_code == 200
    again = hold(ingest, **named("loan", one), kind="loan", first_day=str(TODAY + timedelta(9)))
    assert (again.status_code, again.json()["code"]) == (409, "hold.already")
    with (
        ingest.engine.connect() as connection,
        pytest.raises(IntegrityError, match="days_are_held_once"),
    ):
        run(
            connection,
            """
            INSERT INTO hold (hold_id, kind, key, shown, days, reason, set_by, set_at)
            SELECT gen_random_uuid(), kind, key, '', days, 'x', 'x', now()
            FROM hold
            WHERE kind = 'loan' AND lifted_at IS NULL""",
        )


def test_a_hold_that_says_nothing_to_hold_or_wrong_days_is_refused(ingest: IngestHarness) -> None:
    for body, code in (
        ({"id": " "}, "hold.target"),
        ({"row_id": str(UUID(int=1))}, "hold.target"),
        ({"kind": "loan", "id": "123456789"}, "hold.target"),
        ({"id": "E", "first_day": "2026-02-02", "last_day": "2026-02-01"}, "hold.days"),
    ):
        answer = hold(ingest, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert hold(ingest, "otto", id="E").status_code == 403


def test_a_hold_names_the_approved_batches_that_it_does_not_stop(ingest: IngestHarness) -> None:
    one = mine()
    batch = approved(ingest, one, other_id(one))
    answer = hold(ingest, kind="branch", **named("branch", one)).json()
    (shown,) = answer["approved_batches"]
    assert (shown["batch_id"], shown["rows"]) == (batch["batch_id"], 2)
    assert answer["open_batches"] == []
    ingest.end(batch, ingest.payments(batch)[:1])
    made = ingest.child(batch, filter={"status": "failed"}).json()
    assert ingest.check(made["batch_id"])["rows"]["excluded"] == 1, "a child batch is held too"


def test_holds_are_listed_and_published(ingest: IngestHarness) -> None:
    one = mine()
    set_hold = hold(ingest, **named("person", one), evidence="ticket 9").json()
    assert set_hold["hold_id"] in [h["hold_id"] for h in ingest.get("/holds")["items"]]
    lift(ingest, set_hold)
    assert set_hold["hold_id"] not in [h["hold_id"] for h in ingest.get("/holds")["items"]]
    every = {h["hold_id"]: h for h in ingest.get("/holds", lifted=True)["items"]}
    assert (every[set_hold["hold_id"]]["lifted_by"], every[set_hold["hold_id"]]["lift_reason"]) == (
        *("anna", "settled"),
    )
    found = [e for e in ingest.published("", HoldChanged) if str(e.hold_id) == set_hold["hold_id"]]
    assert [(e.version, e.evidence, e.lifted_by) for e in found] == [
        (1, "ticket 9", None),
        (2, "ticket 9", "anna"),
    ]


def listed(ingest: IngestHarness, who: str, **params: Any) -> dict[str, Any]:
    """The hold of each id, as this person sees the list of holds."""
    answer = ingest.call("GET", "/holds", who, params={"limit": 1_000, **params})
    assert answer.status_code == 200, answer.text
    return {one["hold_id"]: one for one in answer.json()["items"]}


def test_a_hold_names_what_is_held_and_the_person_to_those_who_may_see_people(
    ingest: IngestHarness,
) -> None:
    one = mine()
    (in_roster,) = ingest.rows(ingest.ready(roster(row(one))))
    made = {
        kind: hold(ingest, kind=kind, **named(kind, one)).json()["hold_id"]
        for kind in ("person", "loan", "branch", "source")
    }
    for who, may_see in (("peter", True), ("otto", True), ("ada", False)):
        found = listed(ingest, who)
        assert found[made["branch"]]["held_id"] == one["Employee/DunkinBranch"]
        assert found[made["source"]]["held_id"] == one["Payor/DunkinId"]
        assert found[made["loan"]]["person"] is None
        assert found[made["loan"]]["held_id"] == found[made["person"]]["held_id"] == ""
        person = found[made["person"]]["person"]
        name = f"{in_roster['first_name']} {in_roster['last_name']}"
        assert (person and person["name"]) == (name if may_see else None)


def test_holds_are_read_page_by_page_the_newest_first(ingest: IngestHarness) -> None:
    made = [
        hold(ingest, kind="branch", **named("branch", mine())).json()["hold_id"] for _ in range(3)
    ]
    first = ingest.get("/holds", limit=2)
    second = ingest.get("/holds", limit=2, cursor=first["next"])
    seen = [one["hold_id"] for one in first["items"] + second["items"]]
    assert seen[:3] == made[::-1]
    assert len(first["items"]) == 2
    assert first["total"] == second["total"] >= 3
    assert ingest.call("GET", "/holds", params={"cursor": "x"}).json()["code"] == "cursor.invalid"
