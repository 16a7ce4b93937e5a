"""For finance: what reaches the services, and what the audit log keeps of it."""

import json

import pytest
from starlette.responses import Response

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import PAYMENT

pytestmark = pytest.mark.database

REPORTS = "/finance/reports"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def test_a_report_is_made_for_the_person_and_that_is_in_the_audit_log(gateway: Gateway) -> None:
    order = {"from_day": "2026-10-01", "by": ["month", "branch"]}
    gateway.reports.will_answer("POST", "/finance-reports", {"report_id": PAYMENT})
    assert gateway.call("POST", REPORTS, "auditor", json=order).json() == {"report_id": PAYMENT}
    assert json.loads(gateway.reports.bodies[0]) == {
        "from_day": "2026-10-01",
        "to_day": None,
        "batch_ids": [],
        "by": ["month", "branch"],
    }
    assert gateway.reports.headers[0]["x-paydown-actor"] == "demo-auditor"
    assert gateway.audit_lines() == [
        ("intent", "demo-auditor", f"/api/v1{REPORTS}", None),
        ("outcome", "demo-auditor", f"/api/v1{REPORTS}", 200),
    ]
    for by in ([], ["employee"], ["source"] * 8):
        assert gateway.call("POST", REPORTS, "auditor", json={"by": by}).status_code == 422


def test_a_report_that_is_downloaded_is_in_the_audit_log_each_time(gateway: Gateway) -> None:
    path = f"{REPORTS}/{PAYMENT}/report.xlsx"
    gateway.reports.answers["GET", f"/finance-reports/{PAYMENT}/report.xlsx"] = Response(
        b"workbook", media_type=SHEET, headers={"content-disposition": 'attachment; filename="f"'}
    )
    for _ in range(2):
        answer = gateway.call("GET", path, "preparer")
        assert (answer.content, answer.headers["content-type"]) == (b"workbook", SHEET)
        assert answer.headers["content-disposition"] == 'attachment; filename="f"'
    assert gateway.audit_lines() == [("outcome", "demo-preparer", f"/api/v1{path}", 200)] * 2
    assert gateway.call("GET", f"{REPORTS}/{PAYMENT}/names.csv", "preparer").status_code == 404


def test_an_accounting_export_and_its_files_are_in_the_audit_log_by_its_id(
    gateway: Gateway,
) -> None:
    made = {"export_id": PAYMENT, "number": 1}
    gateway.ledger.will_answer("POST", "/accounting-exports", made)
    order = {"through": "2026-11-20"}
    assert gateway.call("POST", "/finance/exports", "preparer", json=order).json() == made
    assert json.loads(gateway.ledger.bodies[0]) == {
        **order,
        "batch_id": None,
        "last_number": None,
    }
    path = f"/finance/exports/{PAYMENT}/quickbooks.iif"
    gateway.ledger.answers["GET", f"/accounting-exports/{PAYMENT}/quickbooks.iif"] = Response(
        "!TRNS"
    )
    assert gateway.call("GET", path, "auditor").text == "!TRNS"
    page = gateway.call("GET", "/audit").json()
    assert [(line["person"], line["path"], line["subject"]) for line in page["items"]][:2] == [
        ("demo-auditor", f"/api/v1{path}", PAYMENT),
        ("demo-preparer", "/api/v1/finance/exports", PAYMENT),
    ]


@pytest.mark.parametrize(
    "line",
    [
        {"account": "payment:1", "gl_account": "1010", "gl_type": "Assets"},
        {"account": "source:*", "gl_account": "=1+1", "gl_type": "Assets"},
        {"account": "source:*", "gl_account": "10;10", "gl_type": "Assets"},
        {"account": "source:*", "gl_account": "1010", "gl_type": "Savings"},
    ],
)
def test_a_mapping_that_a_file_could_not_hold_is_refused(
    gateway: Gateway, line: dict[str, str]
) -> None:
    body = {"base": 0, "lines": [line], "reason": "r"}
    assert gateway.call("POST", "/finance/mapping", "preparer", json=body).status_code == 422
    assert gateway.ledger.calls == []
