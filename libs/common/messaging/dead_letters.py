"""Dead letters over HTTP, the same in every service: seen by people, redriven by people."""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Reject
from libs.common.database.engine import run
from libs.common.messaging.consumer import Apply, redrive
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem

IneligiblePeople = Callable[[Connection, str], Collection[str]]


def no_one_ineligible(_connection: Connection, _batch_id: str) -> Collection[str]:
    """For a service in which a redriven message decides about no money."""
    return ()


def router(
    engine: Engine,
    applies: Mapping[str, Apply],
    token: str,
    barred: IneligiblePeople = no_one_ineligible,
) -> APIRouter:
    """`GET /ops/dead-letters`, `POST /ops/dead-letters/{id}/redrive`. Bodies are not shown: they hold sealed fields.

    `barred` names who had a hand in a batch (its id as text): none of them redrives what decides about its money.
    """
    routes = APIRouter(prefix="/ops/dead-letters")
    caller = Depends(Caller(token))

    @routes.get("", dependencies=[caller])
    def dead_letters() -> dict[str, Any]:
        with engine.connect() as connection:
            rows = (
                run(
                    connection,
                    """
                SELECT dead_letter_id, consumer, topic, partition, message_offset, event_id, message_type, correlation, code, reason, buried_at,
                       redriven_at, redriven_by FROM dead_letter ORDER BY redriven_at IS NOT NULL, dead_letter_id LIMIT 500""",
                )
                .mappings()
                .all()
            )
        return {"items": [dict(row) for row in rows]}

    @routes.post("/{dead_letter_id}/redrive")
    def redrive_one(dead_letter_id: int, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        with engine.connect() as connection:
            letter = run(
                connection,
                "SELECT consumer, correlation FROM dead_letter WHERE dead_letter_id = :id",
                id=dead_letter_id,
            ).first()
            if letter is None:
                raise Problem(
                    404,
                    "dead-letter.unknown",
                    "There is no such dead letter.",
                    "Look at the list of dead letters.",
                )
            if actor.person in barred(connection, letter.correlation):
                raise Problem(
                    403,
                    "auth.same-person",
                    "You had a hand in this batch; another person redrives what decides about its money.",
                    "Ask another operator.",
                )
        try:
            with engine.begin() as connection:
                done = redrive(connection, dead_letter_id, applies[letter.consumer], actor.person)
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
