"""The outermost layer of the gateway: host check, pages of the dashboard, security headers."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.web.problem_details import Problem, problem_response
from services.gateway.settings import is_loopback
from services.gateway.static_files import api_reference
from services.gateway.static_files.dashboard_files import dashboard_response
from services.gateway.static_files.headers import html_response, with_security_headers

NEVER_PAGES = ("/api", "/health", "/metrics", "/openapi.json")
PROBES = ("/health", "/metrics")


class DashboardMiddleware:
    """Serves the dashboard's pages, hands every other request on, and adds the security headers.

    `own_names_only`: refuse requests to a host name that is not this machine's own. Demo tokens
    are known to everybody; without this check a page of the internet could let its name point to
    this machine (DNS rebinding) and act as one of the demo people.
    """

    def __init__(self, app: ASGIApp, folder: Path, *, own_names_only: bool) -> None:
        self.app, self.folder, self.own_names_only = app, folder, own_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        app: ASGIApp = self.app
        if self._is_foreign_host(request):
            app = problem_response(
                request,
                Problem(
                    400,
                    "host.unknown",
                    "A request names one host, and demo sign-in this machine's own.",
                    "Use http://127.0.0.1 or http://localhost.",
                ),
            )
        elif request.method in ("GET", "HEAD") and not is_below(scope["path"], NEVER_PAGES):
            app = await self._page(request)
        await app(scope, receive, with_security_headers(send))

    def _is_foreign_host(self, request: Request) -> bool:
        names = request.headers.getlist("host")
        if len(names) > 1:  # RFC 9112, 3.2: never whichever of them suits
            return True
        return (
            self.own_names_only
            and not request.scope["path"].startswith(PROBES)
            and not is_own_host(request.headers.get("host", ""))
        )

    async def _page(self, request: Request) -> ASGIApp:
        if request.scope["path"] == api_reference.PATH:
            return html_response(api_reference.reference_page(request.app.openapi()))
        accepts_gzip = "gzip" in request.headers.get("accept-encoding", "")
        page = await asyncio.to_thread(
            dashboard_response, self.folder, request.scope["path"], accepts_gzip=accepts_gzip
        )
        if page is not None:
            return page
        return problem_response(
            request,
            Problem(404, "not-found", "There is nothing at this address.", "Check the address."),
        )


def is_below(path: str, prefixes: Iterable[str]) -> bool:
    """Whether a path is one of these, or below one."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def is_own_host(host: str) -> bool:
    """Whether a Host header, with or without a port, is a name of this machine itself."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
