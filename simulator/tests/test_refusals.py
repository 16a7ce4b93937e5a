import json
from typing import Any

import pytest

from simulator.messages import Answer, Refusal
from simulator.models import Payment
from simulator.outcomes import parse_outcomes
from simulator.routes import accounts as account_routes
from simulator.routes import entities, misc, payments
from simulator.state import Policy, World
from simulator.tests.conftest import Ask
from simulator.tests.harness import ADDRESS, BANK, CORPORATION, LOAN, PERSON


def data(answer: Answer) -> Any:  # Any: JSON
    return json.loads(answer.body)["data"]


def accounts(world: World, ask: Ask) -> tuple[str, str]:
    corporation, person = (
        data(entities.create(world, ask(json.dumps(body))))["id"] for body in (CORPORATION, PERSON)
    )
    source = data(
        account_routes.create(world, ask(json.dumps({"holder_id": corporation, "ach": BANK})))
    )["id"]
    return source, data(
        account_routes.create(world, ask(json.dumps({"holder_id": person, "liability": LOAN})))
    )["id"]


def pay(world: World, ask: Ask, **more: Any) -> Payment:
    source, destination = world.accounts.items[0].id, world.accounts.items[1].id
    body = {
        "source": source,
        "destination": destination,
        "amount": 500,
        "description": "Loan",
        **more,
    }
    return world.payments.by_id[data(payments.create(world, ask(json.dumps(body))))["id"]]


def person(**changes: Any) -> dict[str, Any]:
    return {**PERSON, "individual": {**PERSON["individual"], **changes}}  # type: ignore[dict-item]


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
    world: World, ask: Ask, changes: dict[str, Any], sub_type: str
) -> None:
    accounts(world, ask)
    with pytest.raises(Refusal) as refusal:
        pay(world, ask, **changes)
    assert (refusal.value.status, refusal.value.sub_type) == (400, sub_type)
    assert not world.payments.items


def test_a_payment_from_a_loan_or_to_itself_is_refused(world: World, ask: Ask) -> None:
    source, destination = accounts(world, ask)
    with pytest.raises(Refusal, match="source of a payment"):
        pay(world, ask, source=destination, destination=source)
    with pytest.raises(Refusal) as refusal:
        pay(world, ask, destination=source)
    assert refusal.value.sub_type == "INVALID_TRANSFER"


def test_a_payment_of_the_least_and_greatest_amount_is_made(world: World, ask: Ask) -> None:
    accounts(world, ask)
    assert [pay(world, ask, amount=amount).amount for amount in (100, 100_000_000)] == [
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
    world: World, ask: Ask, body: dict[str, Any], sub_type: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        entities.create(world, ask(json.dumps(body)))
    assert refusal.value.sub_type == sub_type
    assert not world.entities.items


def test_an_unassigned_area_code_and_an_eight_digit_ein_are_accepted(
    world: World, ask: Ask
) -> None:
    assert (
        data(entities.create(world, ask(json.dumps(person(phone="+12112111234")))))["status"]
        == "active"
    )
    assert data(entities.create(world, ask(json.dumps(CORPORATION))))["status"] == "active"


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
    world: World, ask: Ask, changes: dict[str, Any], sub_type: str
) -> None:
    holder = data(entities.create(world, ask(json.dumps(PERSON))))["id"]
    with pytest.raises(Refusal) as refusal:
        account_routes.create(world, ask(json.dumps({"holder_id": holder, **changes})))
    assert refusal.value.sub_type == sub_type
    assert not world.accounts.items


def test_a_loan_number_keeps_its_leading_zero_and_is_never_echoed(world: World, ask: Ask) -> None:
    _, loan = accounts(world, ask)
    assert world.accounts.by_id[loan].number == "01234567"
    shown = account_routes.retrieve(world, ask("", loan)).body
    assert b"01234567" not in shown
    assert data(account_routes.retrieve(world, ask("", loan)))["liability"]["mask"] == "4567"


def test_the_rosters_institutions_have_one_lasting_student_loan_merchant_but_one(
    world: World, ask: Ask
) -> None:
    def lasting(institution: str) -> list[Any]:
        found = data(account_routes.merchants(world, ask(query=f"provider_id.plaid={institution}")))
        return [m for m in found if m["type"] == "student_loan" and not m["is_temp"]]

    for number in (116944, 108798, 116304, 116248, 116950, 116861, 116866, 116945, 116947):
        assert len(lasting(f"ins_{number}")) == 1
    assert data(account_routes.merchants(world, ask(query="provider_id.plaid=ins_116527"))) == []
    assert (
        data(account_routes.merchants(world, ask(query="provider_id.plaid=ins_10")))[0]["id"]
        == "mch_300485"
    )


def test_only_what_is_null_may_be_set_in_an_entity(world: World, ask: Ask) -> None:
    incomplete = data(
        entities.create(
            world, ask(json.dumps({"type": "individual", "individual": {"first_name": "Ida"}}))
        )
    )
    assert incomplete["status"] == "incomplete"
    with pytest.raises(Refusal) as refusal:
        entities.update(world, ask('{"individual": {"first_name": "Eve"}}', incomplete["id"]))
    assert refusal.value.sub_type == "ENTITY_UPDATE_INVALID"
    done = data(
        entities.update(
            world,
            ask('{"individual": {"last_name": "Li", "phone": "+15125551234"}}', incomplete["id"]),
        )
    )
    assert (done["status"], done["individual"]["first_name"]) == ("active", "Ida")


def test_under_current_people_must_be_verified_before_they_are_paid_for(ask: Ask) -> None:
    world = World("test", "current")
    accounts(world, ask)
    with pytest.raises(Refusal) as refusal:
        pay(world, ask)
    assert refusal.value.sub_type == "INVALID_DESTINATION_HOLDER"
    holder = world.accounts.items[1].holder_id
    for body in (
        {"type": "phone", "method": "byo_sms", "byo_sms": {"timestamp": "x"}},
        {"type": "identity", "method": "kba", "kba": {}},
    ):
        assert data(entities.verify(world, ask(json.dumps(body), holder)))["status"] == "verified"
    assert pay(world, ask).status == "pending"


def test_only_a_pending_payment_can_be_canceled(world: World, ask: Ask) -> None:
    accounts(world, ask)
    payment = pay(world, ask)
    canceled = data(payments.cancel(world, ask("", payment.id)))
    assert {canceled[f] for f in ("status", "source_status", "destination_status")} == {"canceled"}
    world.step(payment.id, 2**60)
    assert payment.status == "canceled"
    second = pay(world, ask)
    world.step(second.id, second.plan[0][0])
    with pytest.raises(Refusal) as refusal:
        payments.cancel(world, ask("", second.id))
    assert refusal.value.sub_type == "INVALID_STATUS"


def test_a_dry_run_keeps_nothing(world: World, ask: Ask) -> None:
    source, destination = accounts(world, ask)
    world.dirty.clear()
    body = {
        "source": source,
        "destination": destination,
        "amount": 500,
        "description": "Loan",
        "dry_run": True,
    }
    assert data(payments.create(world, ask(json.dumps(body))))["status"] == "pending"
    assert (world.payments.items, world.dirty, world.due) == ([], {}, [])


def test_metadata_of_any_text_is_kept(world: World, ask: Ask) -> None:
    accounts(world, ask)
    world.outcomes = parse_outcomes({"rules": [{"share": 1, "status": "posted"}]})
    assert pay(world, ask, metadata={"name": "\ud800 Núria \u0000"}).metadata == {
        "name": "\ud800 Núria \u0000"
    }


def test_duplicates_follow_the_policy(ask: Ask) -> None:
    world = World(
        "test", policy=Policy(reject_duplicate_entities=True, return_existing_accounts=True)
    )
    accounts(world, ask)
    with pytest.raises(Refusal) as refusal:
        entities.create(world, ask(json.dumps(PERSON)))
    assert refusal.value.sub_type == "DUPLICATE_ENTITY_DETAILS"
    again = account_routes.create(
        world, ask(json.dumps({"holder_id": world.entities.items[0].id, "ach": BANK}))
    )
    assert data(again)["id"] == world.accounts.items[0].id


def test_an_unknown_report_and_a_webhook_without_address_are_refused(
    world: World, ask: Ask
) -> None:
    for create, body in (
        (misc.create_report, '{"type": "x"}'),
        (misc.create_webhook, '{"type": "payment.update"}'),
    ):
        with pytest.raises(Refusal):
            create(world, ask(body))
