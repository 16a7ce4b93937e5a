from typing import Any

import pytest
from method import Method
from method.errors import MethodInvalidRequestError

from simulator.tests.harness import ADDRESS, Simulator


@pytest.fixture(params=["demo", "current"])
def sdk(request: pytest.FixtureRequest, simulator: Simulator) -> Any:
    simulator.control("profile", {"name": request.param})
    return Method(env="dev", api_key="sk_accept", base_url=f"http://127.0.0.1:{simulator.port}")


def create_company(sdk: Any) -> Any:
    return sdk.entities.create(
        {
            "type": "corporation",
            "corporation": {"name": "D", "dba": "D", "ein": "321202400", "owners": []},
            "address": ADDRESS,
        }
    )


def create_person(sdk: Any) -> Any:
    person = sdk.entities.create(
        {
            "type": "individual",
            "individual": {
                "first_name": "Ida",
                "last_name": "Li",
                "phone": "+15121231111",
                "dob": "1990-01-02",
            },
        }
    )
    assert person.last_response.request_id
    if person["status"] == "incomplete":
        verify(sdk, person)
    assert sdk.entities.retrieve(person["id"])["status"] == "active"
    return person


def verify(sdk: Any, person: Any) -> None:
    assert person["products"] == ["identity"]
    sessions = sdk.entities(person["id"]).verification_sessions
    sms = {
        "type": "phone",
        "method": "byo_sms",
        "byo_sms": {"timestamp": "2026-01-01T00:00:00.000Z"},
    }
    assert sessions.create(sms)["status"] == "verified"
    session = sessions.create({"type": "identity", "method": "kba", "kba": {}})
    assert sessions.retrieve(session["id"])["type"] == "identity"


def create_loan(sdk: Any, person: Any) -> Any:
    merchants = sdk.merchants.list({"provider_id.plaid": "ins_116944"})
    loan_merchant = next(m for m in merchants if m["type"] == "student_loan")
    loan = sdk.accounts.create(
        {
            "holder_id": person["id"],
            "liability": {"mch_id": loan_merchant["id"], "account_number": "01234567"},
        }
    )
    assert loan["liability"]["mask"] == "4567"
    assert [a["id"] for a in sdk.accounts.list({"holder_id": person["id"]})] == [loan["id"]]
    return loan


def test_the_official_sdk_goes_the_whole_way(sdk: Any) -> None:
    assert sdk.ping()["message"] == "pong"
    company, person = create_company(sdk), create_person(sdk)
    source = sdk.accounts.create(
        {
            "holder_id": company["id"],
            "ach": {"routing": "062103000", "number": "123456789", "type": "checking"},
        }
    )
    loan = create_loan(sdk, person)
    assert list(sdk.merchants.list({"provider_id.plaid": "ins_116527"})) == []
    assert sdk.merchants.retrieve("mch_3")["id"] == "mch_3"
    body = {
        "amount": 5000,
        "source": source["id"],
        "destination": loan["id"],
        "description": "Loan",
    }
    payment = sdk.payments.create(body)
    assert payment["status"] == "pending"
    assert sdk.payments.retrieve(payment["id"])["fund_status"] == "pending"
    page = sdk.payments.list({"source": source["id"], "page_limit": 1})
    assert page[0]["id"] == payment["id"]
    assert page.last_response.pagination["total_count"] == "1"
    again = sdk.payments._create(body, request_opts={"idempotency_key": payment["id"]})
    assert again.last_response.idempotency_status == "stored"
    assert sdk.payments.delete(again["id"])["status"] == "canceled"


def test_errors_become_the_sdks_exceptions(sdk: Any) -> None:
    with pytest.raises(MethodInvalidRequestError) as refused:
        sdk.payments.create({"amount": 1})
    assert refused.value.sub_type == "INVALID_AMOUNT"
    with pytest.raises(MethodInvalidRequestError) as unknown:
        sdk.payments.retrieve("pmt_none")
    assert unknown.value.code == 404


def test_webhooks_simulation_reversals_and_reports(sdk: Any, simulator: Simulator) -> None:
    simulator.control("profile", {"name": "legacy"})
    webhook = sdk.webhooks.create(
        {"type": "payment.update", "url": "http://127.0.0.1:9/none", "auth_token": "x"}
    )
    assert any(w["id"] == webhook["id"] for w in sdk.webhooks.list())
    sdk.webhooks.delete(webhook["id"])
    assert not any(w["id"] == webhook["id"] for w in sdk.webhooks.list())
    source, destination = simulator.accounts()
    payment = sdk.payments.create(
        {"amount": 5000, "source": source, "destination": destination, "description": "Loan"}
    )
    for status in ("processing", "sent"):
        sdk.simulate.payments.update(payment["id"], {"status": status})
    sdk.simulate.payments.update(
        payment["id"], {"status": "reversal_required", "error_code": 10001}
    )
    (reversal,) = sdk.payments(payment["id"]).reversals.list()
    assert reversal["status"] == "pending_approval"
    sdk.payments(payment["id"]).reversals.update(reversal["id"], {"status": "pending"})
    assert sdk.payments.retrieve(payment["id"])["status"] == "reversal_processing"
    report = sdk.reports.create({"type": "payments.created.current"})
    assert report["status"] == "completed"
    assert payment["id"] in simulator.call("GET", f"/reports/{report['id']}/download").body.decode()
