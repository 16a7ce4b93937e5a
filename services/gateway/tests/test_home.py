"""The home page's figures: what the gateway adds, and for whom it asks."""

import json

import pytest

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT

pytestmark = pytest.mark.database

PERIODS = {
    "today": "2026-11-18",
    "calendar": "every-two-weeks",
    "periods": [
        {
            "first": "2026-11-09",
            "last": "2026-11-22",
            "batches": [{"batch_id": BATCH, "status": "paying", "filename": "f.xml"}],
        },
        {
            "first": "2026-11-23",
            "last": "2026-12-06",
            "batches": [{"batch_id": PAYMENT, "status": "ready", "filename": "g.xml"}],
        },
    ],
}


def test_a_period_has_its_dates_and_whether_a_batch_of_it_is_approved(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", "/pay-periods", PERIODS)
    found = gateway.call("GET", "/home/pay-days", "operator").json()
    current, following = found["periods"]
    assert (current["approved"], following["approved"]) == (True, False)
    assert (current["arrives_on"], current["leaves_on"]) == ("2026-11-20", "2026-11-18")
    assert following["approve_by"] == "2026-12-02T16:30:00Z"


def test_accounts_are_those_of_the_period_of_today(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", "/pay-periods", PERIODS)
    gateway.ledger.will_answer("GET", "/source-money", {"sources": []})
    assert gateway.call("GET", "/home/accounts", "preparer").status_code == 200
    assert gateway.ledger.queries[-1] == "from_day=2026-11-09&to_day=2026-11-22"


def test_a_person_puts_batches_away_for_themself_and_never_one_that_waits(
    gateway: Gateway,
) -> None:
    order = {"batch_id": BATCH, "status": "rejected"}
    gateway.reports.will_answer("POST", "/put-away", order)
    assert gateway.call("POST", "/home/put-away", "auditor", json=order).json() == order
    assert gateway.reports.headers[-1]["x-paydown-actor"] == "demo-auditor"
    for status in ("ready", "paying", "paused", "anything"):
        waiting = {"batch_id": BATCH, "status": status}
        assert gateway.call("POST", "/home/put-away", "auditor", json=waiting).status_code == 422


def test_a_yearly_list_is_what_ingest_sums_and_reports_keeps(gateway: Gateway) -> None:
    year = {"year": 2026, "limit_cents": 525_000, "batches": [], "people": []}
    gateway.ingest.will_answer("GET", "/years/2026", year)
    gateway.reports.will_answer("POST", "/finance-reports/yearly", {"report_id": PAYMENT})
    answer = gateway.call("POST", "/finance/yearly", "auditor", json={"year": 2026})
    assert answer.json() == {"report_id": PAYMENT}
    assert json.loads(gateway.reports.bodies[-1]) == year
    for wrong in (1999, 20266):
        assert gateway.call("POST", "/finance/yearly", "auditor", json={"year": wrong}).is_error


def test_evidence_that_leaves_is_in_the_audit_log_each_time(gateway: Gateway) -> None:
    path = f"/payments/{PAYMENT}/evidence/{BATCH}"
    gateway.reports.will_answer("GET", path, {})
    for _ in range(2):
        assert gateway.call("GET", path, "auditor").status_code == 200
    assert gateway.audit_lines() == [("outcome", "demo-auditor", f"/api/v1{path}", 200)] * 2


def test_a_name_is_given_by_preparers_and_approvers_in_one_line(gateway: Gateway) -> None:
    order = {"kind": "branch", "id": "BRC-1", "base": 0, "name": "Boston"}
    gateway.reports.will_answer("POST", "/names", {**order, "version": 1})
    for role, status in (("preparer", 200), ("approver", 200), ("auditor", 403), ("admin", 403)):
        assert gateway.call("POST", "/names", role, json=order).status_code == status
    two_lines = {**order, "name": "Bos\nton"}
    assert gateway.call("POST", "/names", "preparer", json=two_lines).status_code == 422
