"""A held payment is ended by two people, of whom the second is an approver: through the dispatcher's own routes, on a real database."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import install_error_handlers
from services.dispatcher import consumers, routes
from services.dispatcher.tests.factories import AT, World, batch

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
class Desk:
    """The dispatcher's routes, and one held payment."""

    web: FastAPI
    engine: Engine
    payment_id: UUID

    def say(self, who: str, act: str = "look-up", **more: Any) -> httpx.Response:
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
def desk(engine: Engine) -> Desk:
    batch_id = uuid4()
    batch(cast(World, SimpleNamespace(engine=engine)), batch_id, 1, tag=batch_id.hex[:6])
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
    return Desk(web, engine, payment_id)


@pytest.mark.parametrize(
    ("first", "second"), [("prea", "appy"), ("appy", "anna"), ("both", "appy"), ("appy", "both")]
)
def test_one_proposes_and_an_approver_who_is_another_confirms(
    desk: Desk, first: str, second: str
) -> None:
    assert desk.say(first).json()["state"] == "proposed"
    assert (desk.say(first).json()["state"], desk.status()) == (
        "proposed",
        "held",
    )  # oneself is nobody else
    assert (desk.say(second).json()["state"], desk.status()) == ("done", "in_doubt")


@pytest.mark.parametrize(("first", "second"), [("prea", "paul"), ("appy", "prea")])
def test_a_preparer_confirms_nothing(desk: Desk, first: str, second: str) -> None:
    desk.say(first)
    answer = desk.say(second)
    assert (answer.status_code, answer.json()["code"], desk.status()) == (
        403,
        "auth.forbidden",
        "held",
    )


def test_another_act_is_a_new_proposal_and_no_confirmation(desk: Desk) -> None:
    desk.say("prea", "look-up")
    assert (desk.say("appy", "close").json()["state"], desk.status()) == ("proposed", "held")
    assert desk.say("prea", "close").status_code == 403
    assert (desk.say("anna", "close").json()["state"], desk.status()) == ("done", "cancelled")


@pytest.mark.parametrize("who", ["audra", "otto"])
def test_nobody_else_has_a_say(desk: Desk, who: str) -> None:
    assert desk.say(who).status_code == 403
    with desk.engine.connect() as connection:
        assert not run(
            connection, "SELECT 1 FROM held_proposal WHERE payment_id = :id", id=desk.payment_id
        ).first()


def test_who_had_a_hand_in_the_batch_proposes_but_does_not_confirm(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch SET barred = '{both}' WHERE batch_id = (SELECT batch_id FROM payment WHERE payment_id = :id)",
            id=desk.payment_id,
        )
    desk.say("appy")
    answer = desk.say("both")
    assert (answer.status_code, answer.json()["code"], desk.status()) == (
        403,
        "auth.forbidden",
        "held",
    )
    assert "no hand in it" in answer.json()["detail"]
    assert desk.say("anna").json()["state"] == "done"
    with desk.engine.connect() as connection:
        kept = run(
            connection,
            "SELECT act, proposed_by, confirmed_by FROM held_decision WHERE payment_id = :id",
            id=desk.payment_id,
        ).one()
    assert tuple(kept) == ("look-up", "appy", "anna")


DECIDED = "INSERT INTO held_decision (payment_id, version, act, reason, proposed_by, confirmed_by) VALUES (:id, 2, 'close', 'r', :first, :second)"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment SET status = 'cancelled' WHERE payment_id = :id",
        DECIDED.replace(":first", "'appy'").replace(":second", "'appy'"),
        DECIDED.replace(":first", "'appy'").replace(":second", "'both'"),
    ],
)
def test_the_database_refuses_what_no_two_people_decided(desk: Desk, statement: str) -> None:
    with desk.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch SET barred = '{both}' WHERE batch_id = (SELECT batch_id FROM payment WHERE payment_id = :id)",
            id=desk.payment_id,
        )
    with pytest.raises(DBAPIError), desk.engine.begin() as connection:
        run(connection, statement, id=desk.payment_id)
    assert desk.status() == "held"


def test_a_batch_brings_the_people_who_had_a_hand_in_it_unless_its_employer_is_one_person(
    engine: Engine,
) -> None:
    for one_person, barred in ((False, ["p", "q"]), (True, [])):
        batch_id = uuid4()
        with engine.begin() as connection:
            consumers.batches(
                connection,
                [
                    BatchChanged(
                        event_id=uuid4(),
                        occurred_at=AT,
                        batch_id=batch_id,
                        version=1,
                        status="approved",
                        revision=1,
                        family_id=batch_id,
                        period="2026-11-20",
                        uploaded_by="p",
                        uploaded_at=AT,
                        barred=("p", "q"),
                        one_person=one_person,
                    )
                ],
            )
            assert (
                run(
                    connection, "SELECT barred FROM batch WHERE batch_id = :id", id=batch_id
                ).scalar_one()
                == barred
            )
