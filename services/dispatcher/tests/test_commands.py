"""What people and topics order: pause and resume as ingest echoes them, stopped sources, the exits of held, approvals nobody announced."""

from typing import Any
from uuid import uuid4, uuid5

import pytest
from sqlalchemy import Engine

from libs.common.contracts.errors import Reject
from libs.common.contracts.events import BatchChanged, PaidRow, PaymentApproved
from services.dispatcher import commands, consumers
from services.dispatcher.commands import Order, Refused
from services.dispatcher.domain.protocol import SOURCE_ERRORS, Answer
from services.dispatcher.store import payments
from services.dispatcher.tests.factories import AT
from services.dispatcher.tests.harness import Desk, refusing
from services.dispatcher.tests.test_lookup import HOUR_S, executed, in_doubt_for_good

pytestmark = pytest.mark.database


def order(desk: Desk, act: str, person: str = "anna") -> str:
    with desk.engine.begin() as connection:
        return commands.command(connection, desk.batch_id, act, Order(person, ""))


def echoed(desk: Desk, status: str, version: int) -> None:
    """Ingest follows what was said here and announces the batch again."""
    batch = desk.rows("SELECT * FROM batch WHERE batch_id = :b", b=desk.batch_id)[0]
    with desk.engine.begin() as connection:
        consumers.batches(
            connection,
            [
                BatchChanged(
                    event_id=uuid4(),
                    occurred_at=AT,
                    batch_id=desk.batch_id,
                    version=version,
                    status=status,
                    revision=batch.revision,
                    digest=batch.digest,
                    family_id=desk.batch_id,
                    period=batch.period,
                    uploaded_by="p",
                    uploaded_at=AT,
                    row_messages=batch.row_messages,
                    payments=batch.payments,
                    payments_cents=batch.payments_cents,
                )
            ],
        )


def state(desk: Desk) -> str:
    found: str = desk.rows("SELECT state FROM batch WHERE batch_id = :b", b=desk.batch_id)[0].state
    return found


@pytest.mark.parametrize("echo", [["paying"], ["paying", "paused"], []])
def test_a_batch_goes_on_after_a_resume_whatever_ingest_has_said_of_it_meanwhile(
    desk: Desk, echo: list[str]
) -> None:
    order(desk, "pause")
    for version, status in enumerate(echo, start=10):
        echoed(desk, status, version)
    assert desk.turn() == 0
    order(desk, "resume")
    assert desk.preparer.start()
    assert (state(desk), desk.turn()) == ("paying", 1)


def test_a_resume_before_the_approval_starts_nothing(desk: Desk) -> None:
    other = uuid4()
    desk.announce(other, 1, status="ready", version=1)
    desk.batch_id = other
    order(desk, "pause")
    order(desk, "resume")
    assert not desk.preparer.start()
    assert state(desk) == "waiting"


def test_a_resume_of_a_batch_that_has_not_begun_frees_its_source(desk: Desk) -> None:
    first, other = desk.batch_id, uuid4()
    desk.announce(other, 2, status="ready", version=1, tag="b")
    account = desk.rows("SELECT account_index FROM source WHERE batch_id = :b LIMIT 1", b=first)[
        0
    ].account_index
    with desk.engine.begin() as connection:
        payments.stop_source(
            connection, account, "insufficient_funds", "no money", holder_too=False
        )
    desk.batch_id = other
    assert order(desk, "resume") == "paying"
    assert desk.rows("SELECT 1 FROM source_stop") == []
    told = [
        (said["batch_id"], len(said["stopped_sources"]))
        for said in desk.said("dispatch-changed.v1")
    ]
    assert told[-2:] == [
        (str(first), 1),
        (str(first), 0),
    ]  # and the other batch of the same account is told that it goes on


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
    desk, limit = Desk(*engines, count=30), 4
    desk.provider.script = [refusing(400, sub_type)] * 1_000
    for _ in range(10):
        desk.turn(limit)
    attempted = len(desk.provider.calls)
    assert attempted <= 2 * limit  # two sources
    assert {r.status for r in desk.rows("SELECT DISTINCT status FROM payment")} == {"unprocessed"}
    desk.provider.script = []
    order(desk, "resume")
    while desk.turn(limit):
        pass
    assert {r.status for r in desk.rows("SELECT DISTINCT status FROM payment")} == {"pending"}
    assert len(desk.alive()) == 30 == len({line["metadata"]["payment_id"] for line in desk.alive()})
    assert len({key for _, _, key in desk.provider.calls}) == attempted + 30


def test_a_payment_that_comes_for_a_cancelled_batch_is_cancelled_on_arrival(desk: Desk) -> None:
    other = uuid4()
    desk.announce(other, 2, status="ready", version=1, tag="b")
    desk.batch_id = other
    assert order(desk, "cancel") == "cancelled"
    desk.announce(other, 2, tag="b")
    desk.preparer.give_up()
    assert {
        r.status for r in desk.rows("SELECT status FROM payment WHERE batch_id = :b", b=other)
    } == {"cancelled"}


def test_a_cancel_after_the_gate_waits_for_it_and_ends_by_look_up(desk: Desk) -> None:
    desk.provider.script = [refusing(429)]
    desk.turn()
    order(desk, "cancel")
    desk.later(HOUR_S)
    assert desk.turn() == 0
    desk.follower.sweep()
    desk.later(desk.timing.grace_s)
    desk.look(3)
    assert (desk.payment.status, len(desk.provider.calls)) == ("cancelled", 1)


def decide(desk: Desk, act: str, provider_id: str = "") -> None:
    for person in ("anna", "adam"):
        with desk.engine.begin() as connection:
            commands.held(
                connection,
                desk.payment.payment_id,
                act,
                provider_id,
                Order(person, "looked at it", approver=True),
            )


def held(desk: Desk) -> None:
    desk.provider.script = [refusing(404, "NOT_FOUND")]
    desk.turn()
    assert desk.payment.status == "held"


def test_one_person_alone_never_ends_held(desk: Desk) -> None:
    held(desk)
    for _ in range(2):
        with desk.engine.begin() as connection:
            assert (
                commands.held(connection, desk.payment.payment_id, "close", "", Order("anna", "r"))
                == "proposed"
            )
    assert desk.payment.status == "held"


@pytest.mark.parametrize(
    "wrong",
    [{"amount": 7}, {"destination": "acc_else"}, {"metadata": {"payment_id": str(uuid4())}}],
)
def test_a_payment_bound_to_another_one_is_held_again_and_never_shown_as_paid(
    desk: Desk, wrong: dict[str, Any]
) -> None:
    held(desk)
    other = executed(desk, 1, **wrong)
    other["status"] = "posted"
    decide(desk, "bind", other["id"])
    desk.follower.poll()
    assert (desk.payment.status, desk.payment.provider_id, desk.payment.reason_code) == (
        "held",
        None,
        "held_other_payment",
    )
    assert "completed" not in {said["status"] for said in desk.said("payment-changed.v1")}


def test_a_payment_bound_to_the_right_one_is_read(desk: Desk) -> None:
    held(desk)
    right = executed(desk, 1)
    right["status"] = "posted"
    decide(desk, "bind", right["id"])
    desk.follower.poll()
    assert (desk.payment.status, desk.payment.provider_id) == ("completed", right["id"])


def test_what_the_provider_has_with_other_money_is_not_closed_as_not_sent(desk: Desk) -> None:
    in_doubt_for_good(desk)
    executed(desk, 1, amount=7)
    desk.look()
    with pytest.raises(Refused):
        decide(desk, "close")
    assert desk.payment.status == "held"


def test_a_payment_the_provider_does_not_know_holds_up_no_other(
    engines: tuple[Engine, Engine],
) -> None:
    desk = Desk(*engines, count=3)
    desk.turn()
    (gone, *others) = desk.rows("SELECT * FROM payment ORDER BY provider_created_at DESC")
    for line in desk.provider.books.values():
        line["status"] = "posted"
    del desk.provider.books[gone.provider_id]
    desk.later(HOUR_S)
    desk.follower.poll()
    assert {r.payment_id: r.status for r in desk.rows("SELECT * FROM payment")} == {
        gone.payment_id: "pending",
        **{other.payment_id: "completed" for other in others},
    }
    assert desk.flags() == ["not_at_provider"]


def test_a_payment_the_provider_stumbles_over_holds_up_no_other(
    engines: tuple[Engine, Engine],
) -> None:
    desk = Desk(*engines, count=2)
    desk.turn()
    bad = desk.rows(
        "SELECT provider_id FROM payment ORDER BY source_object, provider_created_at DESC"
    )[0].provider_id
    for line in desk.provider.books.values():
        line["status"] = "posted"
    usual = desk.provider.send
    # the type checker is told that a method is replaced: the desk's provider is a stand-in
    desk.provider.send = lambda method, path, *more: (  # type: ignore[method-assign]
        (Answer(500), None) if path.endswith(bad) else usual(method, path, *more)
    )
    desk.later(HOUR_S)
    for _ in range(3):
        desk.follower.poll()
    assert sorted(r.status for r in desk.rows("SELECT status FROM payment")) == [
        "completed",
        "pending",
    ]


def approval(desk: Desk, number: int, digest: str) -> PaymentApproved:
    row = desk.rows(
        "SELECT p.*, r.row_id AS root FROM payment p JOIN batch_row r ON r.row_id = p.row_id LIMIT 1"
    )[0]
    payment_id = uuid5(desk.batch_id, f"payment-{number}")
    return PaymentApproved(
        event_id=uuid4(),
        occurred_at=AT,
        payment_id=payment_id,
        batch_id=desk.batch_id,
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


def test_a_payment_that_was_not_announced_with_its_batch_is_a_dead_letter(desk: Desk) -> None:
    with pytest.raises(Reject) as caught, desk.engine.begin() as connection:
        consumers.payments(connection, [approval(desk, 77, "sha256:x")])
    assert caught.value.code == "dispatcher.not-announced"


def test_a_payment_of_another_digest_than_the_approved_one_is_never_sent(desk: Desk) -> None:
    desk.rows("UPDATE payment SET digest = 'sha256:other' RETURNING 1")
    assert desk.turn() == 0
