"""Asking for the approval of a batch, withdrawing that, and sending the batch back."""

from typing import Annotated, Any

from fastapi import APIRouter

from libs.common.web.internal_auth import Actor
from services.ingest import approval_requests
from services.ingest.routes.context import Dependencies, parse_id, request_errors, require_role
from services.ingest.schemas.approval_requests import AskBody, asked_answer
from services.ingest.schemas.requests import ReasonBody


def add_approval_requests(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    engine = dependencies.engine

    @router.post("/batches/{batch_id}/approval-requests")
    def ask(batch_id: str, body: AskBody, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "preparer")
        with request_errors():
            done = approval_requests.ask(
                engine, parse_id(batch_id, "batch"), body.digest, body.note, actor.person
            )
        return asked_answer(*done)

    @router.post("/batches/{batch_id}/approval-requests/{request_id}/send-back")
    def send_back(
        batch_id: str, request_id: str, body: ReasonBody, actor: Annotated[Actor, caller]
    ) -> dict[str, Any]:
        require_role(actor, "approver")
        with request_errors():
            done = approval_requests.send_back(
                engine,
                parse_id(batch_id, "batch"),
                parse_id(request_id, "approval-request"),
                actor.person,
                body.reason,
            )
        return asked_answer(*done)

    @router.delete("/batches/{batch_id}/approval-requests/{request_id}")
    def withdraw(batch_id: str, request_id: str, actor: Annotated[Actor, caller]) -> dict[str, Any]:
        require_role(actor, "preparer")
        with request_errors():
            done = approval_requests.withdraw(
                engine,
                parse_id(batch_id, "batch"),
                parse_id(request_id, "approval-request"),
                actor.person,
            )
        return asked_answer(*done)
