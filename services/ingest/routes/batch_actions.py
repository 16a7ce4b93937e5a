"""What people do with a batch: approve, discard, correct, derive a child batch."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.web import approval_assertions, request_tracing
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ingest import approvals, child_batches, period_choice
from services.ingest.routes.context import Dependencies, parse_id, request_errors, require_role
from services.ingest.schemas import answers
from services.ingest.schemas.requests import (
    ApproveBody,
    ChildBody,
    CorrectionsBody,
    PeriodBody,
    ReasonBody,
)


def add_actions(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    engine = dependencies.engine
    _add_approve(router, dependencies, caller)

    @router.post("/batches/{batch_id}/discard")
    def discard(batch_id: str, body: ReasonBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "preparer", "approver")
        known_id = parse_id(batch_id, "batch")
        with request_errors():
            done = approvals.discard(engine, known_id, actor.person, body.reason)
        return answers.discard_answer(known_id, done)

    @router.post("/batches/{batch_id}/corrections")
    def correct(
        batch_id: str, body: CorrectionsBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "preparer")
        wanted = [one.correction() for one in body.corrections]
        with request_errors():
            done = approvals.correct(engine, parse_id(batch_id, "batch"), wanted, actor.person)
        return {"batch_id": done.batch_id, "status": done.status, "revision": done.revision}

    @router.post("/batches/{batch_id}/check-again")
    def check_again(batch_id: str, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "preparer", "approver")
        with request_errors():
            batch = approvals.ask_provider_again(engine, parse_id(batch_id, "batch"))
        return {"batch_id": batch.batch_id, "status": batch.status}

    @router.post("/batches/{batch_id}/child-batches", status_code=202)
    def derive(
        request: Request, batch_id: str, body: ChildBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "preparer")
        wanted = _child_request(body, actor.person)
        with request_errors(), engine.begin() as connection:
            child = child_batches.derive(
                connection,
                parse_id(batch_id, "batch"),
                uuid4(),
                wanted,
                dependencies.encryption,
                datetime.now(UTC),
            )
        request_tracing.mark_created(request, child.batch_id)
        return {"batch_id": child.batch_id, "status": child.status}


def _add_approve(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    engine = dependencies.engine

    @router.post("/batches/{batch_id}/approve")
    def approve(
        request: Request, batch_id: str, body: ApproveBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "approver")
        known_id = parse_id(batch_id, "batch")
        assertion = _read_assertion(request, known_id, body)
        with request_errors():
            done = approvals.approve(
                engine,
                known_id,
                body.approval_of(actor.person, actor.counts_as, assertion),
                dependencies.policy,
            )
        return answers.approval_answer(done)

    @router.post("/batches/{batch_id}/included-digest")
    def included_digest(
        batch_id: str, body: ApproveBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "approver")
        known_id = parse_id(batch_id, "batch")
        wanted = body.approval_of(actor.person, actor.counts_as)
        with request_errors():
            digest = approvals.find_included_digest(engine, known_id, wanted, dependencies.policy)
        return {"batch_id": known_id, "digest": digest}


def add_period(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the route with which a preparer chooses a batch's pay period."""
    engine = dependencies.engine

    @router.post("/batches/{batch_id}/period")
    def choose_period(
        batch_id: str, body: PeriodBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "preparer")
        with request_errors():
            done = period_choice.choose(
                engine,
                parse_id(batch_id, "batch"),
                body.period,
                actor.person,
                dependencies.calendar,
            )
        return {"batch_id": done.batch_id, "status": done.status, "revision": done.revision}


def _read_assertion(
    request: Request, batch_id: UUID, body: ApproveBody
) -> ApprovalAssertion | None:
    """The gateway's signature of an approval; 409 if it would prove something else."""
    assertion = approval_assertions.read_assertion(request)
    if assertion is not None and not approval_assertions.names(
        assertion,
        batch_id,
        body.digest,
        len(body.include),
        body.start_at,
        body.approved_digest,
    ):
        raise Problem(
            409,
            "approval.assertion",
            "The signed address of this approval names another batch, digest, number of rows, "
            "included rows or start than its body. Nothing was approved.",
            "Approve it again. If this repeats, gateway and ingest are of different versions.",
        )
    return assertion


def _child_request(body: ChildBody, person: str) -> child_batches.ChildRequest:
    status = body.filter.status if body.filter else ""
    if bool(body.rows) == bool(status) or status not in {"", *child_batches.FILTERS}:
        raise Problem(
            422,
            "child.which-rows",
            f"Name either rows or a filter by status ({', '.join(child_batches.FILTERS)}).",
            "Send one of the two.",
        )
    return child_batches.ChildRequest(frozenset(body.rows), status, person, body.reason)
