import json
from typing import Any

import pytest

from simulator import lifecycle
from simulator.clock import iso
from simulator.messages import Refusal
from simulator.models import Payment
from simulator.outcomes import parse_outcomes
from simulator.routes import payments
from simulator.state import ProviderState
from simulator.tests.conftest import Ask
from simulator.tests.harness import Simulator, body_of
from simulator.tests.test_refusals import accounts, data, pay


def ended(state: ProviderState, ask: Ask, **rule: Any) -> tuple[Payment, list[str]]:
    """A payment brought to the end of its plan, and the statuses it went through."""
    state.outcomes = parse_outcomes({"rules": [{"share": 1, **rule}]})
    payment = pay(state, ask)
    seen = [payment.status]
    while payment.plan:
        lifecycle.step(state, payment.id, payment.plan[0][0])
        seen.append(payment.status)
    return payment, seen


def test_a_payment_that_is_paid(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment, seen = ended(state, ask, status="posted")
    assert seen == ["pending", "processing", "sent", "posted"]
    shown = data(payments.retrieve(state, ask("", payment.id)))
    assert (shown["error"], shown["fund_status"], shown["source_status"]) == (
        None,
        "posted",
        "posted",
    )
    assert len(shown["source_trace_id"]) == len(shown["destination_trace_id"]) == 15


def test_a_payment_refused_by_the_servicer_is_never_sent(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment, seen = ended(state, ask, status="failed", error_code=10009)
    assert seen == ["pending", "processing", "failed"]
    shown = data(payments.retrieve(state, ask("", payment.id)))
    assert shown["error"]["sub_type"] == "PAYMENT_REJECTED_BY_DESTINATION_INSTITUTION"
    assert (shown["source_status"], shown["destination_status"], shown["source_trace_id"]) == (
        "reversed",
        "failed",
        None,
    )


def test_a_return_keeps_its_traces(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment, seen = ended(state, ask, status="failed", error_code=10008, after="sent")
    assert seen == ["pending", "processing", "sent", "failed"]
    assert payment.traced
    assert all(
        a.status == "active" for a in state.accounts.items
    )  # effects only if they are asked for


def test_a_second_debit_has_a_reversal(state: ProviderState, ask: Ask) -> None:
    source, _ = accounts(state, ask)
    payment, seen = ended(
        state, ask, status="settled", error_code=10001, after="reversal_processing"
    )
    assert seen[-2:] == ["reversal_processing", "settled"]
    reversal = data(payments.reversals(state, ask("", payment.id)))[0]
    assert payment.reversal_id == reversal["id"]
    assert (reversal["status"], reversal["target_account"], reversal["amount"]) == (
        "sent",
        source,
        500,
    )
    assert payment.error is not None
    assert payment.error["code"] == 10001


def test_a_required_reversal_waits_for_approval(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment, seen = ended(state, ask, status="reversal_required", error_code=10001)
    assert seen[-1] == "reversal_required"
    reversal_id = payment.reversal_id or ""
    approve = ask('{"status": "pending"}', payment.id, reversal_id)
    assert data(payments.approve_reversal(state, approve))["status"] == "processing"
    assert payment.status == "reversal_processing"
    lifecycle.step(state, payment.id, payment.plan[0][0])
    assert payment.status == "settled"
    with pytest.raises(Refusal):
        payments.approve_reversal(state, ask('{"status": "pending"}', payment.id, reversal_id))


@pytest.mark.parametrize(
    ("code", "disabled", "holder"),
    [
        (10005, 0, True),
        (10006, 1, True),
        (10007, 0, False),
        (10008, 1, False),
        (10009, None, False),
    ],
)
def test_failures_disable_accounts_and_holders_where_effects_are_on(
    state: ProviderState, ask: Ask, code: int, disabled: int | None, holder: bool
) -> None:
    accounts(state, ask)
    ended(state, ask, status="failed", error_code=code, after="sent", effects=True)
    assert [a.status for a in state.accounts.items] == [
        "disabled" if n == disabled else "active" for n in (0, 1)
    ]
    if disabled is not None:
        entity = state.entities.by_id[state.accounts.items[disabled].holder_id]
        assert entity.status == ("disabled" if holder else "active")
        with pytest.raises(Refusal, match="not active"):
            pay(state, ask)
        assert any(e.type == "account.update" for e in state.events)


def test_the_third_failure_for_lack_of_funds_disables_the_source(
    state: ProviderState, ask: Ask
) -> None:
    accounts(state, ask)
    for expected in ("active", "active", "disabled"):
        ended(state, ask, status="failed", error_code=10001, effects=True)
        assert state.accounts.items[0].status == expected


def test_a_step_by_hand_follows_the_moves_and_ends_the_plan(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    payment = pay(state, ask)
    with pytest.raises(Refusal) as refusal:
        payments.simulate(state, ask('{"status": "sent"}', payment.id))
    assert refusal.value.sub_type == "INVALID_STATUS"
    for body in ({"status": "processing"}, {"status": "failed", "error_code": "10001"}):
        payments.simulate(state, ask(json.dumps(body), payment.id))
    assert (payment.status, payment.plan) == ("failed", [])


def listed(state: ProviderState, ask: Ask, **query: Any) -> tuple[list[str], dict[str, str]]:
    text = "&".join(f"{k}={v}" for k, v in query.items())
    answer = payments.listing(state, ask(query=text))
    return [p["id"] for p in data(answer)], {k.decode(): v.decode() for k, v in answer.headers}


def test_a_reader_by_cursor_gets_each_payment_once_while_new_ones_arrive(
    state: ProviderState, ask: Ask
) -> None:
    accounts(state, ask)
    wanted = [pay(state, ask).id for _ in range(57)]
    found, headers = listed(state, ask, page_limit=10)
    assert headers["pagination-total-count"] == "57"
    assert headers["pagination-page-count"] == "6"
    while cursor := headers.get("pagination-page-cursor-next"):
        pay(state, ask)
        page, headers = listed(state, ask, page_limit=10, page_cursor=cursor)
        found += page
    assert found == wanted[::-1]
    assert headers["pagination-total-count"] == "62"


def test_pages_by_number_and_the_way_back(state: ProviderState, ask: Ask) -> None:
    accounts(state, ask)
    wanted = [pay(state, ask).id for _ in range(25)][::-1]
    assert [listed(state, ask, page_limit=10, page=n)[0] for n in (1, 2, 3, 4)] == [
        wanted[:10],
        wanted[10:20],
        wanted[20:],
        [],
    ]
    _, headers = listed(state, ask, page_limit=10, page=3)
    assert (
        listed(state, ask, page_limit=10, page_cursor=headers["pagination-page-cursor-prev"])[0]
        == wanted[10:20]
    )
    assert "pagination-page-cursor-next" not in headers


def test_filters_and_dates(state: ProviderState, ask: Ask) -> None:
    source, destination = accounts(state, ask)
    accounts(state, ask)
    other = state.accounts.items[3].id
    first, second = pay(state, ask), pay(state, ask, destination=other)
    assert listed(state, ask, source=source)[0] == [second.id, first.id]
    assert listed(state, ask, source=source, destination=destination)[0] == [first.id]
    assert listed(state, ask, acc_id=other)[0] == [second.id]
    assert listed(state, ask, destination="acc_none")[0] == []
    assert listed(state, ask, holder_id=state.accounts.items[1].holder_id)[0] == [first.id]
    lifecycle.step(state, first.id, first.plan[0][0])
    assert listed(state, ask, status="processing")[0] == [first.id]
    assert listed(state, ask, **{"status[]": "processing", "source": source})[0] == [first.id]
    today = iso(first.created_ms)[:10]
    assert len(listed(state, ask, from_date=today, to_date=today)[0]) == 2
    assert listed(state, ask, from_date="2099-01-01")[0] == []
    assert listed(state, ask, to_date="2000-01-01", destination=destination)[0] == []
    for wrong in (
        {"from_date": "yesterday"},
        {"page_limit": 101},
        {"page": 0},
        {"page_cursor": "pmt_none"},
        {"status": "lost"},
    ):
        with pytest.raises(Refusal) as refusal:
            listed(state, ask, **wrong)
        assert refusal.value.sub_type == "INVALID_SEARCH_PARAMETERS"


def test_a_list_shows_a_payment_as_it_is_now_in_the_version_asked(
    state: ProviderState, ask: Ask
) -> None:
    accounts(state, ask)
    payment = pay(state, ask)
    for status in ("pending", "processing", "sent", "posted"):
        assert data(payments.listing(state, ask()))[0]["status"] == status
        lifecycle.step(state, payment.id, 2**42)
    assert "source_status" not in data(payments.listing(state, ask(version="2020-12-06")))[0]


def test_the_first_version_has_its_own_shapes(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    old = {"Method-Version": "2020-12-06"}
    payment = simulator.call("POST", "/payments", body_of(source, destination), None, **old).data
    assert "source_status" not in payment
    merchant = simulator.call("GET", "/merchants/mch_306101", **old).data
    assert (merchant["mch_id"], merchant["types"]) == ("mch_306101", ["student_loan"])
    account = simulator.call("GET", f"/accounts/{destination}", **old).data
    assert (account["ach"], account["capabilities"]) == (None, ["payments:receive"])
    entity = simulator.call("GET", f"/entities/{account['holder_id']}", **old).data
    assert entity["corporation"] is None
    assert simulator.call("GET", "/ping", None, None, Method_Version="2019-01-01").status == 400


def test_a_payment_moves_by_itself(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    simulator.control("clock", {"speed": 10})
    payment_id = simulator.call("POST", "/payments", body_of(source, destination)).data["id"]
    assert simulator.wait_status(payment_id, "posted", limit_s=5)["source_trace_id"]
    assert [p["status"] for p in simulator.records("payments") if p["id"] == payment_id] == [
        "posted"
    ]


def test_an_unknown_resource_is_404_in_the_envelope(simulator: Simulator) -> None:
    for path in (
        "/payments/pmt_none",
        "/payments/nonsense",
        "/nothing",
        "//payments",
        "/entities/ent_none",
        "/accounts/acc_none/consent",
    ):
        reply = simulator.call("GET", path)
        assert (reply.status, reply.error["sub_type"], reply.body["success"]) == (
            404,
            "NOT_FOUND",
            False,
        ), path
