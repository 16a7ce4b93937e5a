"""Internal calls: they carry the shared token, the person they are made for, and their roles."""

import hmac
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from fastapi import Request

from libs.common.web.problem_details import Problem

TOKEN, ACTOR, ROLES = "X-Paydown-Internal", "X-Paydown-Actor", "X-Paydown-Roles"
COUNTS_AS = "X-Paydown-Counts-As"
#: The headers that say whom a call is for; the gateway signs them in this order.
IDENTITY = (ACTOR, ROLES, COUNTS_AS)


@dataclass(frozen=True)
class Actor:
    """The person behind a request, never a token's name, with the roles they have right now.

    The gateway vouches for all three. `counts_as` are the other people whose acts may have been
    this person's, because one made an API token for the other: no two-person rule takes them for
    two people.
    """

    person: str
    roles: frozenset[str] = field(default_factory=frozenset)
    counts_as: frozenset[str] = field(default_factory=frozenset)

    def headers(self, token: str) -> dict[str, str]:
        """The headers the gateway sends to a service. An id may contain a comma."""
        return {
            TOKEN: token,
            ACTOR: self.person,
            ROLES: ",".join(sorted(self.roles)),
            COUNTS_AS: ",".join(quote(person, safe="") for person in sorted(self.counts_as)),
        }


class Caller:
    """A FastAPI dependency: the Actor of an internal call, or 401 without the token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: Request) -> Actor:
        """The caller of this request."""
        if not hmac.compare_digest(request.headers.get(TOKEN, "").encode(), self.token.encode()):
            raise Problem(
                401,
                "internal.token",
                "This address is for the other services of this system only.",
                "Use the gateway.",
            )
        return Actor(
            request.headers.get(ACTOR, ""),
            frozenset(filter(None, request.headers.get(ROLES, "").split(","))),
            frozenset(map(unquote, filter(None, request.headers.get(COUNTS_AS, "").split(",")))),
        )
