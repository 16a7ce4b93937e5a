"""Random days in the life of an ingest: people act, other services send messages.

A step names an action and a number that chooses what it acts on. A step that has nothing to act on
does nothing. So every list of steps is a scenario.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from hypothesis import strategies as st

from libs.common.contracts.events.preparation import DispatchChanged
from services.ingest.housekeeping import run_housekeeping
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness

Step = tuple[str, int]

#: A person of these rows under another birth date and phone.
CHANGED: Final = {
    "Employee/DunkinId": "EMP-2",
    "Employee/DOB": "03-11-1988",
    "Employee/PhoneNumber": "+15125550199",
}
#: Rows that rosters choose from: people with one or two loans and sources, one row doubled, one
#: with an institution that has no merchant, one that is refused, one in another spelling, one
#: of the same person under another id, and one changed person.
ROWS: Final = (
    row({"Employee/DunkinId": "EMP-1", "Payee/LoanAccountNumber": "10000001"}),
    row({"Employee/DunkinId": "EMP-1", "Payee/LoanAccountNumber": "10000001", "Amount": "$8.00"}),
    row({"Employee/DunkinId": "EMP-1", "Payee/LoanAccountNumber": "10000002"}),
    row({"Employee/DunkinId": "EMP-2", "Payee/LoanAccountNumber": "20000001"}),
    row(
        {
            "Employee/DunkinId": "EMP-3",
            "Payee/LoanAccountNumber": "30000001",
            "Payor/DunkinId": "CORP-2",
            "Payor/AccountNumber": "5550001",
        }
    ),
    row(
        {
            "Employee/DunkinId": "EMP-4",
            "Payee/LoanAccountNumber": "40000001",
            "Payee/PlaidId": NO_MERCHANT,
        }
    ),
    row({"Employee/DunkinId": "EMP-5", "Amount": "$1,2.00"}),
    row({"Employee/DunkinId": "emp-1\u00a0", "Payee/LoanAccountNumber": "0-10000001"}),
    row({"Employee/DunkinId": "EMP-6", "Payee/LoanAccountNumber": "020000001"}),
    row({**CHANGED, "Payee/LoanAccountNumber": "20000002"}),
)


def _batches(ingest: IngestHarness, *statuses: str) -> list[Any]:
    found = ingest.get("/batches", limit=1000, sort="uploaded_at")["items"]
    return [batch for batch in found if batch["status"] in statuses]


def _choose(found: list[Any], number: int) -> Any:
    return found[number % len(found)] if found else None


def upload(ingest: IngestHarness, number: int) -> None:
    chosen = [one for place, one in enumerate(ROWS) if number >> place & 1]
    unique = b"\n" * len(_batches(ingest, *ALL_STATUSES))  # other bytes than any file before
    ingest.upload(roster(*chosen) + unique, who="maria" if number % 3 else "paula")


def read(ingest: IngestHarness, _: int) -> None:
    ingest.read_all()


def check(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "checking"), number)
    if batch:
        ingest.check(batch["batch_id"], checked=number % 5 > 0)


def make_ready(ingest: IngestHarness, number: int) -> None:
    upload(ingest, number)
    ingest.read_all()
    for batch in _batches(ingest, "checking"):
        ingest.check(batch["batch_id"])


def correct(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    if batch and (sources := ingest.batch(batch["batch_id"])["sources"])[-1]["payor_name"]:
        change = {
            "source_account_id": sources[-1]["source_account_id"],
            "field": "line1",
            "from": "1 Main St",
            "to": f"{number} High St",
        }
        path = f"/batches/{batch['batch_id']}/corrections"
        ingest.call("POST", path, "peter", json={"corrections": [change]})


def approve(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    if batch:
        excluded = ingest.rows(batch, reason_code="already_in_period") if number % 2 else []
        include = [{"row_id": one["row_id"], "reason": "once more: agreed"} for one in excluded[:1]]
        ingest.approve(ingest.batch(batch["batch_id"]), include=include)


def second(ingest: IngestHarness, number: int) -> None:
    """Approve a batch as another person, as a second approval or as the only one."""
    batch = _choose(_batches(ingest, "ready"), number)
    if batch:
        ingest.approve(ingest.batch(batch["batch_id"]), "adam")


def set_rules(ingest: IngestHarness, number: int) -> None:
    """Set rules by amount that most batches reach, none does, or no rules; or let them wait."""
    current = ingest.get("/approval-rules")["current"]
    rules: tuple[Any, ...] = (
        [],
        [{"scope": "total", "from_cents": 100_000}],
        [{"scope": "source", "from_cents": 5}],
    )
    body = {
        "base": current["rules_version"] if current else 0,
        "rules": rules[number % 3],
        "reason": f"agreed: {number}",
    }
    ingest.call("POST", "/approval-rules", "ada", json=body)
    waiting = ingest.get("/approval-rules")["proposal"]
    if waiting and number % 4:
        ingest.call("POST", f"/approval-rules/{waiting['rules_version']}/confirm", "anna")


def decide(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    rows = ingest.rows(batch) if batch else []
    if row := _choose(rows, number):
        excluded = row["reason_code"] == "already_in_period"
        decision = {
            "act": "include" if excluded else "exclude",
            "row_id": row["row_id"],
            "reason": f"decided: {number}",
        }
        path = f"/batches/{batch['batch_id']}/decisions"
        who = "adam" if number % 2 else "maria"
        ingest.call("POST", path, who, json={"decisions": [decision]})


def amend(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    rows = ingest.rows(batch) if batch else []
    if row := _choose(rows, number):
        decision = {"act": "accept", "row_id": row["row_id"], "reason": f"accepted: {number}"}
        if row["reason_code"] == "no_merchant":
            chosen = {"institution_id": row["institution_id"], "merchant_id": "mch_77"}
            decision = {"act": "mend", **chosen, "reason": f"mended: {number}"}
        elif number % 5 == 0 and row["source_account_id"]:
            of_source = {"source_account_id": row["source_account_id"], "ein": "321202409"}
            decision = {"act": "mend", **of_source, "reason": f"mended: {number}"}
        elif number % 3 == 0:
            loan = {"institution_id": row["institution_id"], "loan_number": f"77400{number % 4}"}
            named = {"act": "redirect", "row_id": row["row_id"], "reason": f"redirected: {number}"}
            decision = {**named, **loan}
        path = f"/batches/{batch['batch_id']}/decisions"
        ingest.call("POST", path, "peter", json={"decisions": [decision]})


def take_back(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    if batch:
        path = f"/batches/{batch['batch_id']}/decisions"
        if one := _choose(ingest.get(path)["items"], number):
            ingest.call("DELETE", f"{path}/{one['decision_id']}", "adam")


def hold(ingest: IngestHarness, number: int) -> None:
    held = {"kind": "person", "id": f"EMP-{1 + number % 6}", "reason": f"held: {number}"}
    ingest.call("POST", "/holds", "peter", json=held)


def lift(ingest: IngestHarness, number: int) -> None:
    if one := _choose(ingest.get("/holds")["items"], number):
        ingest.call("POST", f"/holds/{one['hold_id']}/lift", "anna", json={"reason": "over"})


def ask(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "ready"), number)
    if batch:
        path = f"/batches/{batch['batch_id']}/approval-requests"
        body = {"digest": batch["digest"], "note": f"note {number}"}
        ingest.call("POST", path, "peter" if number % 2 else "maria", json=body)


def answer(ingest: IngestHarness, number: int) -> None:
    """Withdraw a request for approval, or send the batch back."""
    batch = _choose(_batches(ingest, "checking", "ready"), number)
    if batch and (asked := batch["approval_request"]):
        path = f"/batches/{batch['batch_id']}/approval-requests/{asked['request_id']}"
        if number % 2:
            ingest.call("DELETE", path, "paula")
        else:
            ingest.call("POST", f"{path}/send-back", "adam", json={"reason": f"no: {number}"})


def discard(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, "checking", "ready", "rejected"), number)
    if batch:
        ingest.discard(batch)


def derive(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, *APPROVED), number)
    if batch:
        status = ("failed", "cancelled", "unpayable")[number % 3]
        ingest.child(batch, filter={"status": status})


def mend(ingest: IngestHarness, number: int) -> None:
    refused = [one for one in _batches(ingest, *APPROVED) if one["rows"]["refused"]]
    if batch := _choose(refused, number):
        path = f"/batches/{batch['batch_id']}"
        text = ingest.call("GET", f"{path}/refused-rows.xml", "paula").content
        unique = b"\n" * len(_batches(ingest, *ALL_STATUSES))
        changed = text.replace(b"$1,2.00", b"$12.00") + unique
        ingest.call("POST", f"{path}/mended-rows", "paula", content=changed)


def end_payments(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, *APPROVED), number)
    if batch:
        payments = ingest.payments(batch)
        status = ("failed", "cancelled", "failed", "reversed")[number % 4]
        kind = "reverse" if status == "reversed" else "release"
        ingest.end(batch, payments[: 1 + number % 3], status, kind)


def dispatch(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, *APPROVED), number)
    if batch:
        ingest.send(
            DispatchChanged(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                batch_id=batch["batch_id"],
                version=1 + len(ingest.sent),
                state="paused" if number % 2 else "paying",
                reason="stopped by a person" if number % 2 else "",
            )
        )


def certify(ingest: IngestHarness, number: int) -> None:
    batch = _choose(_batches(ingest, *APPROVED), number)
    if batch:
        outcome = ("completed", "completed_with_failures", "cancelled")[number % 3]
        ingest.certify(batch, outcome, 1 + len(ingest.sent))


def expire(ingest: IngestHarness, _: int) -> None:
    run_housekeeping(ingest.engine, ingest.folder, ready_days=0, archive_days=90)


def archive(ingest: IngestHarness, _: int) -> None:
    run_housekeeping(ingest.engine, ingest.folder, ready_days=30, archive_days=0)


APPROVED: Final = (
    *("approved", "paying", "paused", "completed", "completed_with_failures"),
    *("archived", "cancelled"),
)
ALL_STATUSES: Final = (
    *APPROVED,
    *("reading", "checking", "ready", "rejected", "discarded", "expired"),
)
ACTIONS: Final[dict[str, Callable[[IngestHarness, int], None]]] = {
    one.__name__: one
    for one in (
        *(upload, read, check, make_ready, correct, approve, discard, derive, mend),
        *(decide, amend, take_back, hold, lift, ask, answer),
        *(set_rules, second),
        *(end_payments, dispatch, certify, expire, archive),
    )
}
#: What leads to approved batches happens more often.
_OFTEN: Final = ("make_ready", "approve", "make_ready", "approve", "derive", "end_payments")


def steps() -> st.SearchStrategy[list[Step]]:
    """Lists of steps."""
    action = st.sampled_from([*_OFTEN, *ACTIONS])
    return st.lists(st.tuples(action, st.integers(0, 1023)), min_size=2, max_size=14)


def live(ingest: IngestHarness, scenario: list[Step]) -> None:
    """Carry the steps out."""
    for action, number in scenario:
        ACTIONS[action](ingest, number)
