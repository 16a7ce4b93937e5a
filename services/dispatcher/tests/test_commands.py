"""Orders of people: pause, resume, cancel, the ends of `held`; approvals that nobody announced."""

from typing import Any
from uuid import uuid4, uuid5

import pytest
from sqlalchemy import Engine

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.payments import PaidRow, PaymentApproved
from libs.common.contracts.two_person import NotAllowed
from services.dispatcher import commands, consumers
from services.dispatcher.commands import HeldAct, Order, Refused
from services.dispatcher.domain.protocol import SOURCE_ERRORS, Answer
from services.dispatcher.store import kill_switch
from services.dispatcher.store.source_stops import SourceStop, stop_sources
from services.dispatcher.tests.factories import AT, change_batch
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import refusing
from services.dispatcher.tests.test_lookup import HOUR_S, executed, in_doubt_for_good

pytestmark = pytest.mark.database


def announce_again(dispatcher: ManualDispatcher, status: str, version: int) -> None:
    """Ingest follows what was published here and announces the batch again."""
    columns = "version, revision, digest, period, row_messages, payments, payments_cents"
    (batch,) = dispatcher.rows(
        f"SELECT {columns} FROM batch WHERE batch_id = :b", b=dispatcher.batch_id
    )
    given = {**batch._mapping, "status": status, "version": version}
    change_batch(dispatcher.engine, dispatcher.batch_id, **given)


def state(dispatcher: ManualDispatcher) -> str:
    (batch,) = dispatcher.rows("SELECT state FROM batch WHERE batch_id = :b", b=dispatcher.batch_id)
    return str(batch.state)


@pytest.mark.parametrize("echo", [["paying"], ["paying", "paused"], []])
def test_a_batch_goes_on_after_a_resume_whatever_ingest_has_published_of_it_meanwhile(
    dispatcher: ManualDispatcher, echo: list[str]
) -> None:
    dispatcher.order("pause")
    for version, status in enumerate(echo, start=10):
        announce_again(dispatcher, status, version)
    assert dispatcher.turn() == 0
    dispatcher.order("resume")
    assert dispatcher.provisioner.start_batches()
    assert (state(dispatcher), dispatcher.turn()) == ("paying", 1)


def test_a_resume_before_the_approval_starts_nothing(dispatcher: ManualDispatcher) -> None:
    other = uuid4()
    dispatcher.announce(other, 1, status="ready", version=1)
    dispatcher.batch_id = other
    dispatcher.order("pause")
    dispatcher.order("resume")
    assert not dispatcher.provisioner.start_batches()
    assert state(dispatcher) == "waiting"


def test_a_resume_of_a_batch_that_has_not_begun_frees_its_source(
    dispatcher: ManualDispatcher,
) -> None:
    first, other = dispatcher.batch_id, uuid4()
    dispatcher.announce(other, 2, status="ready", version=1, tag="b")
    account = dispatcher.rows(
        "SELECT account_index FROM source WHERE batch_id = :b LIMIT 1", b=first
    )[0].account_index
    with dispatcher.engine.begin() as connection:
        stop = SourceStop(account, "insufficient_funds", "no money")
        stop_sources(connection, [stop])
    dispatcher.batch_id = other
    assert dispatcher.order("resume") == "paying"
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []
    announced = [
        (event["batch_id"], len(event["stopped_sources"]))
        for event in dispatcher.published("dispatch-changed.v1")
    ]
    # The other batch of the same account goes on as well.
    assert announced[-2:] == [(str(first), 1), (str(first), 0)]


@pytest.mark.parametrize(
    "sub_type",
    [
        *SOURCE_ERRORS,
        "INVALID_SOURCE_HOLDER",
        "INVALID_SOURCE_HOLDER_CAPABILITIES",
        "INVALID_SOURCE_CAPABILITIES",
        "INVALID_SOURCE_LIABILITY",
        "MAX_AMOUNT_EXCEEDED",
        "MAX_DAILY_VOLUME_EXCEEDED",
    ],
)
def test_after_a_refused_source_only_the_calls_in_flight_follow_and_a_resume_pays_all(
    engines: tuple[Engine, Engine], sub_type: str
) -> None:
    dispatcher, limit = ManualDispatcher(*engines, count=30), 4
    dispatcher.provider.script = [refusing(400, sub_type)] * 1_000
    for _ in range(10):
        dispatcher.turn(limit)
    attempted = len(dispatcher.provider.calls)
    assert attempted <= 2 * limit  # two sources
    assert {r.status for r in dispatcher.rows("SELECT DISTINCT status FROM payment")} == {
        "unprocessed"
    }
    dispatcher.provider.script = []
    dispatcher.order("resume")
    while dispatcher.turn(limit):
        pass
    assert {r.status for r in dispatcher.rows("SELECT DISTINCT status FROM payment")} == {"pending"}
    assert (
        len(dispatcher.alive())
        == 30
        == len({line["metadata"]["payment_id"] for line in dispatcher.alive()})
    )
    assert len({key for _, _, key in dispatcher.provider.calls}) == attempted + 30


def test_a_payment_that_comes_for_a_cancelled_batch_is_cancelled_on_arrival(
    dispatcher: ManualDispatcher,
) -> None:
    other = uuid4()
    dispatcher.announce(other, 2, status="ready", version=1, tag="b")
    dispatcher.batch_id = other
    assert dispatcher.order("cancel") == "cancelled"
    dispatcher.announce(other, 2, tag="b")
    dispatcher.provisioner.end_unpayable()
    assert {
        r.status for r in dispatcher.rows("SELECT status FROM payment WHERE batch_id = :b", b=other)
    } == {"cancelled"}


def test_a_cancel_after_the_gate_waits_for_it_and_ends_by_look_up(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(429)]
    dispatcher.turn()
    dispatcher.order("cancel")
    dispatcher.pass_time(HOUR_S)
    assert dispatcher.turn() == 0
    dispatcher.lookup.sweep()
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.look_up(3)
    assert (dispatcher.payment.status, len(dispatcher.provider.calls)) == ("cancelled", 1)


def decide(dispatcher: ManualDispatcher, act: HeldAct, provider_id: str = "") -> None:
    for person in ("anna", "adam"):
        with dispatcher.engine.begin() as connection:
            commands.order_held(
                connection,
                dispatcher.payment.payment_id,
                act,
                provider_id,
                Order(person, "looked at it", approver=True),
            )


def hold(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [refusing(404, "NOT_FOUND")]
    dispatcher.turn()
    assert dispatcher.payment.status == "held"


def test_one_person_alone_never_ends_held(dispatcher: ManualDispatcher) -> None:
    hold(dispatcher)
    for _ in range(2):
        with dispatcher.engine.begin() as connection:
            assert (
                commands.order_held(
                    connection, dispatcher.payment.payment_id, "close", "", Order("anna", "r")
                )
                == "proposed"
            )
    assert dispatcher.payment.status == "held"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount": 7}, "held_other_money"),
        ({"destination": "acc_else"}, "held_other_money"),
        ({"metadata": {"payment_id": str(uuid4())}}, "held_other_payment"),
    ],
)
def test_a_payment_bound_to_another_one_is_held_again_and_never_shown_as_paid(
    dispatcher: ManualDispatcher, wrong: dict[str, Any], code: str
) -> None:
    hold(dispatcher)
    other = executed(dispatcher, 1, **wrong)
    other["status"] = "posted"
    decide(dispatcher, "bind", other["id"])
    dispatcher.poller.poll()
    assert (
        dispatcher.payment.status,
        dispatcher.payment.provider_id,
        dispatcher.payment.reason_code,
    ) == (
        "held",
        None,
        code,
    )
    assert "completed" not in {
        event["status"] for event in dispatcher.published("payment-changed.v1")
    }


def test_a_payment_bound_to_the_right_one_is_read(dispatcher: ManualDispatcher) -> None:
    hold(dispatcher)
    right = executed(dispatcher, 1)
    right["status"] = "posted"
    decide(dispatcher, "bind", right["id"])
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("completed", right["id"])


def test_what_the_provider_has_with_other_money_is_not_closed_as_not_sent(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    executed(dispatcher, 1, amount=7)
    dispatcher.look_up()
    with pytest.raises(Refused):
        decide(dispatcher, "close")
    assert dispatcher.payment.status == "held"


def test_a_payment_the_provider_does_not_know_holds_up_no_other(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=3)
    dispatcher.turn()
    (gone, *others) = dispatcher.rows("SELECT * FROM payment ORDER BY provider_created_at DESC")
    for line in dispatcher.provider.books.values():
        line["status"] = "posted"
    del dispatcher.provider.books[gone.provider_id]
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert {r.payment_id: r.status for r in dispatcher.rows("SELECT * FROM payment")} == {
        gone.payment_id: "pending",
        **{other.payment_id: "completed" for other in others},
    }
    assert dispatcher.flags() == ["not_at_provider"]


def test_a_payment_the_provider_stumbles_over_holds_up_no_other(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=2)
    dispatcher.turn()
    bad = dispatcher.rows(
        "SELECT provider_id FROM payment ORDER BY source_object, provider_created_at DESC"
    )[0].provider_id
    for line in dispatcher.provider.books.values():
        line["status"] = "posted"
    usual = dispatcher.provider.send
    # A method is replaced: the provider is a stand-in.
    dispatcher.provider.send = lambda method, path, *more: (  # type: ignore[method-assign] # replaced on purpose
        (Answer(500), None) if path.endswith(bad) else usual(method, path, *more)
    )
    dispatcher.pass_time(HOUR_S)
    for _ in range(3):
        dispatcher.poller.poll()
    assert sorted(r.status for r in dispatcher.rows("SELECT status FROM payment")) == [
        "completed",
        "pending",
    ]


def approval(dispatcher: ManualDispatcher, number: int, digest: str) -> PaymentApproved:
    row = dispatcher.payment
    payment_id = uuid5(dispatcher.batch_id, f"payment-{number}")
    return PaymentApproved(
        event_id=uuid4(),
        occurred_at=AT,
        payment_id=payment_id,
        batch_id=dispatcher.batch_id,
        digest=digest,
        period="2026-11-20",
        amount_cents=5_000,
        rows=(
            PaidRow(
                row_id=uuid4(),
                root_row_id=uuid4(),
                file_row=number,
                branch_id="b",
                amount_cents=5_000,
            ),
        ),
        source_account_id=row.source_account_id,
        account_index=row.account_index,
        source_routing="r",
        source_last4="9581",
        employee_id=row.employee_id,
        person_index=row.person_index,
        institution_id=row.institution_id,
        loan_last4="1234",
        loan_index="another",
        approved_by="nobody",
        approved_at=AT,
    )


def test_a_payment_that_was_not_announced_with_its_batch_is_a_dead_letter(
    dispatcher: ManualDispatcher,
) -> None:
    with pytest.raises(Reject) as caught, dispatcher.engine.begin() as connection:
        consumers.payments(connection, [approval(dispatcher, 77, "sha256:x")])
    assert caught.value.code == "dispatcher.not-announced"


def test_a_payment_of_another_digest_than_the_approved_one_is_never_sent(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.rows("UPDATE payment SET digest = 'sha256:other' RETURNING 1")
    assert dispatcher.turn() == 0


def switch(dispatcher: ManualDispatcher, on: bool, who: str, **more: Any) -> dict[str, Any]:
    with dispatcher.engine.begin() as connection:
        commands.order_kill_switch(connection, on, Order(who, "why", **more))
        return kill_switch.read(connection)


def test_a_kill_switch_of_an_approver_is_turned_off_by_two_people(
    dispatcher: ManualDispatcher,
) -> None:
    assert switch(dispatcher, True, "anna", approver=True)["by_approver"]
    # An operator who turns it on again does not make it an operator's.
    assert switch(dispatcher, True, "otto")["by_approver"]
    proposed = switch(dispatcher, False, "otto")
    assert (proposed["on"], proposed["off_proposed_by"]) == (True, "otto")
    assert switch(dispatcher, False, "otto")["on"]
    assert dispatcher.turn() == 0
    with pytest.raises(NotAllowed):
        switch(dispatcher, False, "olga")
    with pytest.raises(NotAllowed, match="API token"):
        switch(dispatcher, False, "adam", approver=True, counts_as=frozenset({"otto"}))
    done = switch(dispatcher, False, "anna", approver=True)
    assert (done["on"], done["by_approver"], done["off_proposed_by"]) == (False, False, None)
    switch(dispatcher, True, "anna", approver=True)
    assert switch(dispatcher, False, "anna", approver=True)["on"]  # nor does the approver alone


def test_a_kill_switch_of_an_operator_is_turned_off_by_one(dispatcher: ManualDispatcher) -> None:
    switch(dispatcher, True, "otto")
    assert not switch(dispatcher, False, "olga")["on"]
