"""Decisions about rows of a batch, and standing holds."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends

from libs.common.web import pagination
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ingest import decisions, holds
from services.ingest.domain.hold import first_day
from services.ingest.holds import WantedHold
from services.ingest.routes.context import (
    LIMIT_MAX,
    Dependencies,
    may_see_people,
    parse_id,
    request_errors,
    require_role,
)
from services.ingest.schemas import decisions as schemas
from services.ingest.schemas.requests import PageQuery, ReasonBody
from services.ingest.staging import business_day
from services.ingest.store import batches, named_people, person_search
from services.ingest.store import holds as stored_holds

HOLDS_ORDER = "holds"


def add_decisions(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes of decisions."""
    engine = dependencies.engine

    @router.post("/batches/{batch_id}/decisions")
    def decide(
        batch_id: str, body: schemas.DecisionsBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "preparer", "approver")
        wanted = [one.wanted() for one in body.decisions]
        named = [one for one in wanted if one is not None and one.reason]
        if len(named) != len(wanted):
            raise Problem(
                422,
                "decision.which-rows",
                "A decision needs a reason, and names its rows in one way: row_id, row_ids, "
                "employee_id, or a filter that is not empty. To mend names institution_id with "
                "merchant_id, or source_account_id with ein, and no rows. To redirect names one "
                "row_id, institution_id and loan_number. Nothing was changed.",
                "Send one of them.",
            )
        request = decisions.Request(named, actor.person, actor.roles, body.digest, body.dry_run)
        with request_errors():
            done = decisions.decide(
                engine, dependencies.encryption, parse_id(batch_id, "batch"), request
            )
        return schemas.decided_answer(done, dry_run=body.dry_run)

    @router.get("/batches/{batch_id}/decisions")
    def list_decisions(batch_id: str, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        with request_errors(), engine.connect() as connection:
            batch = batches.get_batch(connection, parse_id(batch_id, "batch"))
            found = decisions.list_all(connection, batch.batch_id)
            people = named_people.list_people_of_decisions(
                connection, found if may_see_people(actor) else ()
            )
        return schemas.decisions_answer(found, people, dependencies.encryption)

    @router.delete("/batches/{batch_id}/decisions/{decision_id}")
    def take_back(
        batch_id: str, decision_id: str, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "preparer", "approver")
        with request_errors():
            batch = decisions.take_back(
                engine,
                parse_id(batch_id, "batch"),
                parse_id(decision_id, "decision"),
                actor.person,
                actor.roles,
            )
        return {"batch_id": batch.batch_id, "status": batch.status, "revision": batch.revision}


def add_holds(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes of holds."""
    engine = dependencies.engine

    @router.post("/holds")
    def set_hold(body: schemas.HoldBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "preparer", "approver")
        wanted = WantedHold(
            uuid4(),
            body.target(),
            first_day(body.first_day, business_day(datetime.now(UTC))),
            body.last_day,
            body.reason,
            body.evidence,
            actor.person,
        )
        with request_errors():
            done = holds.set_hold(engine, dependencies.encryption, wanted, dry_run=body.dry_run)
        return schemas.affected_answer(done, dry_run=body.dry_run)

    @router.get("/holds")
    def list_holds(
        actor: Annotated[Actor, caller],
        query: Annotated[PageQuery, Depends(PageQuery)],
        lifted: bool = False,
    ) -> dict[str, Any]:
        offset = pagination.read_offset(query.cursor, HOLDS_ORDER)
        with engine.connect() as connection:
            found, total = stored_holds.list_holds(
                connection,
                standing_only=not lifted,
                limit=min(max(query.limit, 1), LIMIT_MAX),
                offset=offset,
            )
            held = [one.key for one in found if one.kind == "person" and may_see_people(actor)]
            people = person_search.list_newest_rows(connection, held)
        following = pagination.next_offset(HOLDS_ORDER, offset + len(found), total)
        return {
            "items": schemas.hold_items(found, people, dependencies.encryption),
            "next": following,
            "total": total,
        }

    @router.post("/holds/{hold_id}/lift")
    def lift(hold_id: str, body: ReasonBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "approver")
        with request_errors():
            done = holds.lift(engine, parse_id(hold_id, "hold"), actor.person, body.reason)
        return schemas.affected_answer(done)
