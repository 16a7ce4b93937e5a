import json
from typing import Any

import pytest

from simulator import lifecycle
from simulator.messages import Answer, Refusal
from simulator.models import Payment
from simulator.outcomes import parse_outcomes
from simulator.routes import accounts as account_routes
from simulator.routes import entities, payments, reports, subscriptions
from simulator.state import Policy, ProviderState
from simulator.tests.conftest import Ask
from simulator.tests.harness import ADDRESS, BANK, CORPORATION, LOAN, PERSON


def data(answer: Answer) -> Any:  # Any: JSON
    return json.loads(answer.body)["data"]


def accounts(state: ProviderState, ask: Ask) -> tuple[str, str]:
    corporation, person = (
        data(entities.create(state, ask(json.dumps(body))))["id"] for body in (CORPORATION, PERSON)
    )
    source = data(
        account_routes.create(state, ask(json.dumps({"holder_id": corporation, "ach": BANK})))
    )["id"]
    return source, data(
        account_routes.create(state, ask(json.dumps({"holder_id": person, "liability": LOAN})))
    )["id"]


def pay(state: ProviderState, ask: Ask, **more: Any) -> Payment:
    source, destination = state.accounts.items[0].id, state.accounts.items[1].id
    body = {
        "source": source,
        "destination": destination,
        "amount": 500,
        "description": "Loan",
        **more,
    }
    return state.payments.by_id[data(payments.create(state, ask(json.dumps(body))))["id"]]


def person(**changes: Any) -> dict[str, Any]:
    return {**PERSON, "individual": {**PERSON["individual"], **changes}}  # type: ignore[dict-item] # JSON


@pytest.mark.parametrize(
    ("changes", "sub_type"),
    [
        ({"amount": 99}, "INVALID_AMOUNT"),
        ({"amount": 100_000_001}, "INVALID_AMOUNT"),
        ({"amount": "500"}, "INVALID_AMOUNT_TYPE"),
        ({"amount": True}, "INVALID_AMOUNT_TYPE"),
        ({"amount": 5.5}, "INVALID_AMOUNT_TYPE"),
        ({"description": "Loan repaymt"}, "INVALID_ACH_DESCRIPTION"),
        ({"description": None}, "INVALID_ACH_DESCRIPTION"),
        ({"source": "acc_none"}, "INVALID_SOURCE"),
        ({"source": None}, "INVALID_SOURCE"),
        ({"destination": "acc_none"}, "INVALID_DESTINATION"),
        ({"metadata": {"x": "y" * 1100}}, "MAX_PAYMENT_METADATA_SIZE_EXCEEDED"),
        ({"metadata": "text"}, "INVALID_REQUEST"),
        ({"fee": {"type": "total", "amount": 900}}, "INVALID_REQUEST"),
    ],
)
def test_a_payment_that_is_wrong_is_refused(
    state: ProviderState, ask: Ask, changes: dict[str, Any], sub_type: str
) -> None:
    accounts(state, ask)
    with pytest.raises(Refusal) as refusal:
        pay(state, ask, **changes)
    assert (refusal.value.status, refusal.value.sub_type) == (400, sub_type)
    assert not state.payments.items


def test_a_payment_from_a_loan_or_to_itself_is_refused(state: ProviderState, ask: Ask) -> None:
    source, destination = accounts(state, ask)
    with pytest.raises(Refusal, match="source of a payment"):
        pay(state, ask, source=destination, destination=source)
    with pytest.raises(Refusal) as refusal:
        pay(state, ask, destination=source)
    assert refusal.value.sub_type == "INVALID_TRANSFER"


def test_a_payment_of_the_least_and_greatest_amount_is_made(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    assert [pay(state, ask, amount=amount).amount for amount in (100, 100_000_000)] == [
        100,
        100_000_000,
    ]


@pytest.mark.parametrize(
    ("body", "sub_type"),
    [
        (person(phone="+11125551234"), "INVALID_ENTITY_PHONE_NUMBER"),
        (person(phone="+15121551234"), "INVALID_ENTITY_PHONE_NUMBER"),
        (person(phone="5125551234"), "INVALID_ENTITY_PHONE_NUMBER"),
        (person(email="x"), "INVALID_ENTITY_EMAIL_ADDRESS"),
        (person(dob="1990-02-30"), "INVALID_REQUEST"),
        (person(dob="01-02-1990"), "INVALID_REQUEST"),
        (person(ssn="12"), "ENTITY_INVALID_SSN"),
        (person(ssn_4="12"), "ENTITY_INVALID_SSN4"),
        ({**CORPORATION, "address": {**ADDRESS, "zip": "67485"}}, "INVALID_REQUEST"),
        ({"type": "corporation"}, "INVALID_REQUEST"),
        ({"type": "person", "individual": {}}, "INVALID_REQUEST"),
        ({**PERSON, "metadata": {"x": "y" * 1100}}, "MAX_ENTITY_METADATA_SIZE_EXCEEDED"),
        (person(first_name=5), "INVALID_REQUEST"),
    ],
)
def test_an_entity_that_is_wrong_is_refused(
    state: ProviderState, ask: Ask, body: dict[str, Any], sub_type: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        entities.create(state, ask(json.dumps(body)))
    assert refusal.value.sub_type == sub_type
    assert not state.entities.items


def test_an_unassigned_area_code_and_an_eight_digit_ein_are_accepted(
    state: ProviderState, ask: Ask
) -> None:
    assert (
        data(entities.create(state, ask(json.dumps(person(phone="+12112111234")))))["status"]
        == "active"
    )
    assert data(entities.create(state, ask(json.dumps(CORPORATION))))["status"] == "active"


@pytest.mark.parametrize(
    ("changes", "sub_type"),
    [
        ({"holder_id": "ent_none", "ach": BANK}, "INVALID_HOLDER_ID"),
        ({"ach": {**BANK, "routing": "12345"}}, "INVALID_ACH_ACCOUNT_ROUTING"),
        ({"ach": {**BANK, "routing": 62103000}}, "INVALID_ACH_ACCOUNT_ROUTING"),
        ({"ach": {**BANK, "number": "1" * 18}}, "INVALID_ACH_ACCOUNT_NUMBER"),
        ({"ach": {**BANK, "type": "gold"}}, "INVALID_ACH_ACCOUNT_TYPE"),
        ({"liability": {**LOAN, "mch_id": "mch_none"}}, "INVALID_MERCHANT_ID"),
        ({"liability": {"mch_id": "mch_306101"}}, "INVALID_ACCOUNT_NUMBER"),
        ({}, "INVALID_ACCOUNT_DETAILS"),
        ({"liability": {**LOAN, "number": "1"}}, "INVALID_ACCOUNT_NUMBER"),
    ],
)
def test_an_account_that_is_wrong_is_refused(
    state: ProviderState, ask: Ask, changes: dict[str, Any], sub_type: str
) -> None:
    holder = data(entities.create(state, ask(json.dumps(PERSON))))["id"]
    with pytest.raises(Refusal) as refusal:
        account_routes.create(state, ask(json.dumps({"holder_id": holder, **changes})))
    assert refusal.value.sub_type == sub_type
    assert not state.accounts.items


def test_a_loan_number_keeps_its_leading_zero_and_is_never_echoed(
    state: ProviderState, ask: Ask
) -> None:
    _, loan = accounts(state, ask)
    assert state.accounts.by_id[loan].number == "01234567"
    shown = account_routes.retrieve(state, ask("", loan)).body
    assert b"01234567" not in shown
    assert data(account_routes.retrieve(state, ask("", loan)))["liability"]["mask"] == "4567"


def test_the_rosters_institutions_have_one_lasting_student_loan_merchant_but_one(
    state: ProviderState, ask: Ask
) -> None:
    def lasting(institution: str) -> list[Any]:
        found = data(account_routes.merchants(state, ask(query=f"provider_id.plaid={institution}")))
        return [m for m in found if m["type"] == "student_loan" and not m["is_temp"]]

    for number in (116944, 108798, 116304, 116248, 116950, 116861, 116866, 116945, 116947):
        assert len(lasting(f"ins_{number}")) == 1
    assert data(account_routes.merchants(state, ask(query="provider_id.plaid=ins_116527"))) == []
    assert (
        data(account_routes.merchants(state, ask(query="provider_id.plaid=ins_10")))[0]["id"]
        == "mch_300485"
    )


def test_only_what_is_null_may_be_set_in_an_entity(state: ProviderState, ask: Ask) -> None:
    incomplete = data(
        entities.create(
            state, ask(json.dumps({"type": "individual", "individual": {"first_name": "Ida"}}))
        )
    )
    assert incomplete["status"] == "incomplete"
    with pytest.raises(Refusal) as refusal:
        entities.update(state, ask('{"individual": {"first_name": "Eve"}}', incomplete["id"]))
    assert refusal.value.sub_type == "ENTITY_UPDATE_INVALID"
    done = data(
        entities.update(
            state,
            ask('{"individual": {"last_name": "Li", "phone": "+15125551234"}}', incomplete["id"]),
        )
    )
    assert (done["status"], done["individual"]["first_name"]) == ("active", "Ida")


def test_under_current_people_must_be_verified_before_they_are_paid_for(ask: Ask) -> None:
    state = ProviderState("test", "current")
    accounts(state, ask)
    with pytest.raises(Refusal) as refusal:
        pay(state, ask)
    assert refusal.value.sub_type == "INVALID_DESTINATION_HOLDER"
    holder = state.accounts.items[1].holder_id
    for body in (
        {"type": "phone", "method": "byo_sms", "byo_sms": {"timestamp": "x"}},
        {"type": "identity", "method": "kba", "kba": {}},
    ):
        assert data(entities.verify(state, ask(json.dumps(body), holder)))["status"] == "verified"
    assert pay(state, ask).status == "pending"


def test_only_a_pending_payment_can_be_canceled(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment = pay(state, ask)
    canceled = data(payments.cancel(state, ask("", payment.id)))
    assert {canceled[f] for f in ("status", "source_status", "destination_status")} == {"canceled"}
    lifecycle.step(state, payment.id, 2**60)
    assert payment.status == "canceled"
    second = pay(state, ask)
    lifecycle.step(state, second.id, second.plan[0][0])
    with pytest.raises(Refusal) as refusal:
        payments.cancel(state, ask("", second.id))
    assert refusal.value.sub_type == "INVALID_STATUS"


def test_a_dry_run_stores_nothing(state: ProviderState, ask: Ask) -> None:
    source, destination = accounts(state, ask)
    state.dirty.clear()
    body = {
        "source": source,
        "destination": destination,
        "amount": 500,
        "description": "Loan",
        "dry_run": True,
    }
    assert data(payments.create(state, ask(json.dumps(body))))["status"] == "pending"
    assert (state.payments.items, state.dirty, state.due) == ([], {}, [])


def test_metadata_of_any_text_is_stored(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    state.outcomes = parse_outcomes({"rules": [{"share": 1, "status": "posted"}]})
    assert pay(state, ask, metadata={"name": "\ud800 Núria \u0000"}).metadata == {
        "name": "\ud800 Núria \u0000"
    }


def test_duplicates_follow_the_policy(ask: Ask) -> None:
    state = ProviderState(
        "test", policy=Policy(reject_duplicate_entities=True, return_existing_accounts=True)
    )
    accounts(state, ask)
    with pytest.raises(Refusal) as refusal:
        entities.create(state, ask(json.dumps(PERSON)))
    assert refusal.value.sub_type == "DUPLICATE_ENTITY_DETAILS"
    again = account_routes.create(
        state, ask(json.dumps({"holder_id": state.entities.items[0].id, "ach": BANK}))
    )
    assert data(again)["id"] == state.accounts.items[0].id


def test_an_unknown_report_and_a_webhook_without_address_are_refused(
    state: ProviderState, ask: Ask
) -> None:
    for create, body in (
        (reports.create_report, '{"type": "x"}'),
        (subscriptions.create_webhook, '{"type": "payment.update"}'),
    ):
        with pytest.raises(Refusal):
            create(state, ask(body))
