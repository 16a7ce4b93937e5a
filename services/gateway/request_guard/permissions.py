"""Whether a person may make a call: roles, read-only tokens, and pages of other sites."""

from fastapi import Request

from libs.common.web.methods import UNSAFE_METHODS
from libs.common.web.problem_details import Problem
from services.gateway.auth.people import Person
from services.gateway.domain import access
from services.gateway.domain.request_rules import is_same_origin


def check_role(person: Person, method: str, path: str) -> None:
    """Refuse a person whose roles, or whose token, do not allow a route.

    Raises:
        Problem: 403, naming the roles that may call it.
    """
    allowed = access.ROUTE_ROLES[method, path]
    if not person.roles & allowed:
        names = " or ".join(role for role in access.ROLES if role in allowed)
        raise Problem(
            403,
            "auth.forbidden",
            " ".join(
                filter(
                    None,
                    (
                        f"{person.name} may not do this.",
                        access.why_lost(person.lost_roles & allowed),
                    ),
                )
            ),
            f"Ask a person with the role {names}.",
        )
    if person.read_only and method in UNSAFE_METHODS:
        raise Problem(
            403,
            "auth.read-only",
            "This token may only read.",
            "Use a token that is not read-only, or sign in.",
        )


def check_same_origin(request: Request, *, by_cookie: bool) -> None:
    """Refuse a call that another site's page makes a browser send (cross-site request forgery).

    Args:
        by_cookie: the call is authenticated by our cookie, which browsers add by themselves. Then
            it must prove that it comes from one of our pages; else it must not prove the opposite.

    Raises:
        Problem: 403.
    """
    headers = request.headers
    same_origin = is_same_origin(
        headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host")
    )
    if same_origin is False or (by_cookie and same_origin is None):
        raise Problem(
            403,
            "auth.cross-site",
            "This request does not come from a page of this system; nothing was done.",
            "Use the dashboard, or a token in the Authorization header.",
        )
