"""Dead letters over HTTP, the same in every service: people list them and have them redriven."""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Reject
from libs.common.messaging import dead_letters
from libs.common.messaging.consumer import Apply, Verify, redrive, send_again
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem

#: Who must not decide about a batch's money; the argument is the batch's id as text.
IneligiblePeople = Callable[[Connection, str], Collection[str]]


def no_one_ineligible(_connection: Connection, _batch_id: str) -> Collection[str]:
    """For a service in which a redriven message decides about no money."""
    return ()


def router(
    engine: Engine,
    applies: Mapping[str, Apply],
    token: str,
    ineligible: IneligiblePeople = no_one_ineligible,
    verify: Verify | None = None,
) -> APIRouter:
    """`GET /ops/dead-letters` and `POST /ops/dead-letters/{id}/redrive`.

    Bodies are not shown: they hold encrypted personal fields.

    Args:
        applies: how each consumer applies its messages, by the consumer's name.
        ineligible: gives the people who had a hand in a batch. None of them may redrive a
            message that decides about its money.
        verify: verifies signatures of messages that were refused for them.
    """
    routes = APIRouter(prefix="/ops/dead-letters")
    caller = Depends(Caller(token))

    @routes.get("", dependencies=[caller])
    def list_dead_letters() -> dict[str, Any]:
        with engine.connect() as connection:
            return {"items": dead_letters.find_all(connection)}

    @routes.post("/{dead_letter_id}/redrive")
    def redrive_one(dead_letter_id: int, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        with engine.connect() as connection:
            consumer = _find_consumer(connection, dead_letter_id, actor, ineligible)
        try:
            with engine.begin() as connection:
                if consumer == dead_letters.OUTBOX:
                    done = send_again(connection, dead_letter_id, actor.person)
                else:
                    apply = applies[consumer]
                    done = redrive(connection, dead_letter_id, apply, actor.person, verify)
        except Reject as reason:
            raise Problem(
                409,
                "dead-letter.still-wrong",
                f"It was refused again: {reason}",
                "Find out what produced it first.",
            ) from None
        if not done:
            raise Problem(
                409,
                "dead-letter.redriven",
                "This dead letter was redriven before.",
                "Look at what came of it; nothing more is to be done here.",
            )
        return {"dead_letter_id": dead_letter_id, "redriven_by": actor.person}

    return routes


def _find_consumer(
    connection: Connection, dead_letter_id: int, actor: Actor, ineligible: IneligiblePeople
) -> str:
    """The consumer of a dead letter that this person, and who the person counts as, may redrive.

    Raises:
        Problem: 404 or 403.
    """
    letter = dead_letters.find(connection, dead_letter_id)
    if letter is None:
        raise Problem(
            404,
            "dead-letter.unknown",
            "There is no such dead letter.",
            "Look at the list of dead letters.",
        )
    if not {actor.person, *actor.counts_as}.isdisjoint(
        ineligible(connection, str(letter.correlation))
    ):
        raise Problem(
            403,
            "auth.same-person",
            "You had a hand in this batch; another person redrives what decides about its money.",
            "Ask another operator.",
        )
    return str(letter.consumer)
