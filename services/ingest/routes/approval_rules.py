"""Rules by amount: what holds, proposing others, confirming and rejecting them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from libs.common.web.internal_auth import Actor
from services.ingest import approval_rules
from services.ingest.approval_rules import Proposal
from services.ingest.routes.context import Dependencies, request_errors, require_role
from services.ingest.schemas import approval_rules as schemas
from services.ingest.schemas.requests import ReasonBody
from services.ingest.store import approval_rules as stored

Version = Annotated[int, Path(ge=1, lt=2**31 - 1)]


def add_approval_rules(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    engine = dependencies.engine

    @router.get("/approval-rules", dependencies=[caller])
    def list_rules() -> dict[str, Any]:
        with engine.connect() as connection:
            return schemas.history_answer(stored.list_sets(connection))

    @router.post("/approval-rules")
    def propose(body: schemas.RulesBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "admin")
        proposal = Proposal(
            body.base, body.made(), body.reason, actor.person, actor.counts_as, body.dry_run
        )
        with request_errors():
            done = approval_rules.propose(engine, proposal)
        return schemas.tried_answer(done, dry_run=body.dry_run)

    @router.post("/approval-rules/{rules_version}/confirm")
    def confirm(rules_version: Version, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "admin", "approver")
        with request_errors():
            done = approval_rules.end(
                engine, rules_version, "confirmed", actor.person, actor.counts_as
            )
        return schemas.rules_item(done)

    @router.post("/approval-rules/{rules_version}/reject")
    def reject(
        rules_version: Version, body: ReasonBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "admin", "approver")
        with request_errors():
            done = approval_rules.end(
                engine, rules_version, "rejected", actor.person, actor.counts_as, body.reason
            )
        return schemas.rules_item(done)
