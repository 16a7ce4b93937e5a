"""Rules by amount: what holds, proposing others, confirming and rejecting them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, api_router, confirmed_context, relay
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.schemas import approval_rules as schemas
from services.gateway.schemas.batch_commands import Reason
from services.gateway.upstream import Upstreams

Version = Annotated[int, Path(ge=1, lt=2**31 - 1)]


def router(
    route_class: type[APIRoute], services: Upstreams, recent_sign_in: RecentSignIn
) -> APIRouter:
    """/approval-rules."""
    routes = api_router(route_class, "approval rules")

    @routes.get("/approval-rules", response_model=schemas.ApprovalRulesHistory)
    async def approval_rules(context: Context) -> Response:
        """From which sum on two people must approve a batch, and the history of these rules."""
        return await relay(services.ingest, context.get("/approval-rules"))

    @routes.post("/approval-rules", response_model=schemas.TriedRules)
    async def propose_rules(order: schemas.ProposeRules, context: Context) -> Response:
        """Propose rules, or with `dry_run` only try them out on the batches approved last.

        They hold once another person, an administrator or an approver, has confirmed them.
        """
        body = order.model_dump(mode="json")
        return await relay(services.ingest, context.post("/approval-rules", body))

    @routes.post("/approval-rules/{rules_version}/confirm", response_model=schemas.ApprovalRules)
    async def confirm_rules(request: Request, rules_version: Version, context: Context) -> Response:
        """Confirm rules that another person proposed. They hold from then on."""
        context = await confirmed_context(recent_sign_in, request, None)
        path = f"/approval-rules/{rules_version}/confirm"
        return await relay(services.ingest, context.post(path, {}))

    @routes.post("/approval-rules/{rules_version}/reject", response_model=schemas.ApprovalRules)
    async def reject_rules(rules_version: Version, order: Reason, context: Context) -> Response:
        """Reject proposed rules, with a reason. Who proposed them may do it too."""
        body = order.model_dump(mode="json")
        path = f"/approval-rules/{rules_version}/reject"
        return await relay(services.ingest, context.post(path, body))

    return routes
