"""A held payment is ended by two people, the second an approver: by HTTP, on a real database."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import install_error_handlers
from services.dispatcher import routes
from services.dispatcher.tests.factories import announce_batch, change_batch

pytestmark = pytest.mark.database
TOKEN = "a-token-of-the-tests"
PEOPLE = {
    "prea": "preparer",
    "paul": "preparer",
    "appy": "approver",
    "anna": "approver",
    "both": "preparer,approver",
    "audra": "auditor",
    "otto": "operator",
}


@dataclass
class HeldPayment:
    """One held payment, and the dispatcher's routes."""

    web: FastAPI
    engine: Engine
    payment_id: UUID

    def decide(self, who: str, act: str = "look-up", **more: Any) -> httpx.Response:
        body, headers = (
            {"act": act, "reason": "we looked", **more},
            Actor(who, frozenset(PEOPLE[who].split(","))).headers(TOKEN),
        )

        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.web), base_url="http://dispatcher"
            ) as client:
                return await client.post(
                    f"/payments/{self.payment_id}/held", json=body, headers=headers
                )

        return asyncio.run(answer())

    def bar(self, person: str) -> None:
        """This person had a hand in the batch."""
        with self.engine.begin() as connection:
            run(
                connection,
                """
                UPDATE batch
                SET barred = ARRAY[:person]
                WHERE batch_id = (SELECT batch_id FROM payment WHERE payment_id = :id)""",
                person=person,
                id=self.payment_id,
            )

    def status(self) -> str:
        with self.engine.connect() as connection:
            return str(
                run(
                    connection,
                    "SELECT status FROM payment WHERE payment_id = :id",
                    id=self.payment_id,
                ).scalar_one()
            )


@pytest.fixture(scope="module")
def engine(make_database: Callable[[str], tuple[str, str]]) -> Iterator[Engine]:
    service, owner = make_database("dispatcher")
    migrate.upgrade(owner, Path(routes.__file__).parent / "migrations")
    made = connect(service, "test")
    yield made
    made.dispose()


@pytest.fixture
def payment(engine: Engine) -> HeldPayment:
    batch_id = uuid4()
    announce_batch(engine, batch_id, 1, tag=batch_id.hex[:6])
    payment_id = uuid5(batch_id, "payment-1")
    with engine.begin() as connection:
        run(
            connection,
            "UPDATE payment SET status = 'held', version = version + 1 WHERE payment_id = :id",
            id=payment_id,
        )
    web = FastAPI()
    install_error_handlers(web)
    web.include_router(routes.router(engine, TOKEN))
    return HeldPayment(web, engine, payment_id)


@pytest.mark.parametrize(
    ("first", "second"), [("prea", "appy"), ("appy", "anna"), ("both", "appy"), ("appy", "both")]
)
def test_one_proposes_and_an_approver_who_is_another_confirms(
    payment: HeldPayment, first: str, second: str
) -> None:
    assert payment.decide(first).json()["state"] == "proposed"
    assert (payment.decide(first).json()["state"], payment.status()) == (
        "proposed",
        "held",
    )  # oneself is nobody else
    assert (payment.decide(second).json()["state"], payment.status()) == ("done", "in_doubt")


@pytest.mark.parametrize(("first", "second"), [("prea", "paul"), ("appy", "prea")])
def test_a_preparer_confirms_nothing(payment: HeldPayment, first: str, second: str) -> None:
    payment.decide(first)
    answer = payment.decide(second)
    assert (answer.status_code, answer.json()["code"], payment.status()) == (
        403,
        "auth.forbidden",
        "held",
    )


def test_another_act_is_a_new_proposal_and_no_confirmation(payment: HeldPayment) -> None:
    payment.decide("prea", "look-up")
    assert (payment.decide("appy", "close").json()["state"], payment.status()) == (
        "proposed",
        "held",
    )
    assert payment.decide("prea", "close").status_code == 403
    assert (payment.decide("anna", "close").json()["state"], payment.status()) == (
        "done",
        "cancelled",
    )


@pytest.mark.parametrize("who", ["audra", "otto"])
def test_nobody_else_has_a_say(payment: HeldPayment, who: str) -> None:
    assert payment.decide(who).status_code == 403
    with payment.engine.connect() as connection:
        assert not run(
            connection, "SELECT 1 FROM held_proposal WHERE payment_id = :id", id=payment.payment_id
        ).first()


def test_who_had_a_hand_in_the_batch_proposes_but_does_not_confirm(payment: HeldPayment) -> None:
    payment.bar("both")
    payment.decide("appy")
    answer = payment.decide("both")
    assert (answer.status_code, answer.json()["code"], payment.status()) == (
        403,
        "auth.forbidden",
        "held",
    )
    assert "no hand in it" in answer.json()["detail"]
    assert payment.decide("anna").json()["state"] == "done"
    with payment.engine.connect() as connection:
        kept = run(
            connection,
            "SELECT act, proposed_by, confirmed_by FROM held_decision WHERE payment_id = :id",
            id=payment.payment_id,
        ).one()
    assert tuple(kept) == ("look-up", "appy", "anna")


DECIDED = """
    INSERT INTO held_decision (payment_id, version, act, reason, proposed_by, confirmed_by)
    VALUES (:id, 2, 'close', 'r', :first, :second)"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment SET status = 'cancelled' WHERE payment_id = :id",
        DECIDED.replace(":first", "'appy'").replace(":second", "'appy'"),
        DECIDED.replace(":first", "'appy'").replace(":second", "'both'"),
    ],
)
def test_the_database_refuses_what_no_two_people_decided(
    payment: HeldPayment, statement: str
) -> None:
    payment.bar("both")
    with pytest.raises(DBAPIError), payment.engine.begin() as connection:
        run(connection, statement, id=payment.payment_id)
    assert payment.status() == "held"


def test_a_batch_brings_the_people_who_had_a_hand_in_it_unless_its_employer_is_one_person(
    engine: Engine,
) -> None:
    for one_person, barred in ((False, ["p", "q"]), (True, [])):
        batch_id = uuid4()
        change_batch(engine, batch_id, status="approved", barred=("p", "q"), one_person=one_person)
        with engine.connect() as connection:
            found = run(connection, "SELECT barred FROM batch WHERE batch_id = :id", id=batch_id)
            assert found.scalar_one() == barred
