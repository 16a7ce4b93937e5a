"""The two kinds of routes: those behind the request guard, and those for signing in."""

from fastapi import Request, Response
from fastapi.routing import APIRoute

from libs.common.web.methods import UNSAFE_METHODS
from libs.common.web.problem_details import request_id
from services.gateway.domain.access import API, ROUTE_ROLES
from services.gateway.domain.request_rules import BODY_MAX_BYTES
from services.gateway.request_guard.body_limit import limit_body
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.permissions import check_same_origin
from services.gateway.request_guard.responses import RouteHandler, respond


def guarded_route_class(guard: RequestGuard) -> type[APIRoute]:
    """A class of routes whose requests pass the guard.

    A route that the table of roles does not name cannot be created: LookupError.
    """

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> RouteHandler:
            handler, template = super().get_route_handler(), self.path.removeprefix(API)
            for method in self.methods or ():
                if (method, template) not in ROUTE_ROLES:
                    raise LookupError(f"{method} {template} is not in the table of roles")

            async def handle(request: Request) -> Response:
                return await guard.handle(request, template, handler)

            return handle

    return GuardedRoute


class PublicRoute(APIRoute):
    """A route for people who are not signed in yet."""

    def get_route_handler(self) -> RouteHandler:
        """The handler with a limited body; a page of another site cannot sign anybody in."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method in UNSAFE_METHODS:
                check_same_origin(request, by_cookie=False)
            response = await respond(limit_body(request, BODY_MAX_BYTES), handler)
            response.headers["X-Request-Id"] = request_id(request)
            return response

        return handle
