"""Who is asking: a token becomes a person with roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request

from libs.common.internal import Actor
from libs.common.problem import Problem
from services.gateway import domain

BEARER = "bearer "


@dataclass(frozen=True)
class Person:
    """A human. `id` is what every record names, whichever token was used."""

    id: str
    name: str
    roles: frozenset[str]

    def actor(self) -> Actor:
        """The person as the services are told of it."""
        return Actor(self.id, self.roles)


class People(Protocol):
    """The port to whatever knows the people: the built-in ones, later a directory."""

    def find(self, token: str) -> Person | None:
        """The person behind a token; None if there is none."""


class DemoPeople:
    """Five people, one for each role, whose tokens are no secret."""

    def __init__(self) -> None:
        names = {domain.PREPARER: "Prea Preparer", domain.APPROVER: "Appy Approver", domain.AUDITOR: "Audra Auditor",
                 domain.OPERATOR: "Otto Operator", domain.ADMIN: "Ada Admin"}
        self.by_token: Mapping[str, Person] = {f"demo-{role}": Person(f"demo-{role}", name, frozenset({role})) for role, name in names.items()}

    def find(self, token: str) -> Person | None:
        """The person whose token it is."""
        return self.by_token.get(token)


def sign_in(people: People, request: Request) -> Person:
    """The person who makes a request.

    Raises:
        Problem: 401, no token or one that nobody has.
    """
    given = request.headers.get("authorization", "")
    person = people.find(given[len(BEARER):].strip()) if given[: len(BEARER)].lower() == BEARER else None
    if person is None:
        raise Problem(401, "auth.required", "You are not signed in." if not given else "This sign-in is not known.", "Sign in and try again.")
    return person


def check_role(person: Person, method: str, path: str) -> None:
    """Refuse a person whose roles do not allow a route.

    Raises:
        Problem: 403, naming the roles that may.
    """
    may = domain.MAY[method, path]
    if not person.roles & may:
        allowed = " or ".join(role for role in domain.ROLES if role in may)
        raise Problem(403, "auth.forbidden", f"{person.name} may not do this.", f"Ask a person with the role {allowed}.")
