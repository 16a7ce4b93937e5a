"""People and where they come from: the five demo people, or everyone who has signed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from libs.common.web.internal_auth import Actor
from services.gateway.domain import access
from services.gateway.store import people
from services.gateway.store.people import StoredPerson


@dataclass(frozen=True)
class Person:
    """A human. Every record names `id`, whichever session or token was used."""

    id: str
    name: str
    roles: frozenset[str]
    via: str = ""  # as in the audit log: `session`, `token <id>`, or "" for a demo token
    read_only: bool = False
    lost_roles: frozenset[str] = frozenset()  # given by groups, taken by a stronger role
    is_due: bool = False  # the identity provider should be asked about the person
    counts_as: frozenset[str] = frozenset()  # by API tokens, for every two-person rule

    @classmethod
    def with_given_roles(cls, person_id: str, name: str, given: frozenset[str]) -> "Person":
        """A person with the roles that may be held together; `lost_roles` has the others."""
        roles = access.compatible_roles(given)
        return cls(person_id, name, roles, lost_roles=given - roles)

    def actor(self) -> Actor:
        """The person as calls to the services name it."""
        return Actor(self.id, self.roles, self.counts_as)


def person_fields(person: Person, **more: Any) -> dict[str, Any]:  # Any: JSON
    """A person as the API shows it."""
    return {"id": person.id, "name": person.name, "roles": sorted(person.roles), **more}


class PeopleDirectory(Protocol):
    """The port to whatever knows the people."""

    def find(self, connection: Connection, person_id: str) -> Person | None:
        """The person of an id; None if there is none."""

    def list_all(self, connection: Connection) -> Sequence[Person]:
        """Everyone a token can be created for."""

    def find_by_demo_token(self, token: str) -> Person | None:
        """The person of a demo token; None if it is none."""


class DemoPeople:
    """Five people, one for each role, with tokens that everybody knows."""

    def __init__(self) -> None:
        names = {
            access.PREPARER: "Prea Preparer",
            access.APPROVER: "Appy Approver",
            access.AUDITOR: "Audra Auditor",
            access.OPERATOR: "Otto Operator",
            access.ADMIN: "Ada Admin",
        }
        self.by_token: Mapping[str, Person] = {
            f"demo-{role}": Person(f"demo-{role}", name, frozenset({role}))
            for role, name in names.items()
        }

    def find(self, _: Connection, person_id: str) -> Person | None:
        """The person of an id. A demo person's token is the same text."""
        return self.by_token.get(person_id)

    def list_all(self, _: Connection) -> Sequence[Person]:
        """The five people."""
        return tuple(self.by_token.values())

    def find_by_demo_token(self, token: str) -> Person | None:
        """The person of a demo token."""
        return self.by_token.get(token)


class SignedInPeople:
    """Everyone who has signed in through the identity provider, with the newest sign-in's roles.

    Roles that may not be held together are stored as given, and separated when they are read: so
    the rule also counts for people who signed in before it.
    """

    def find(self, connection: Connection, person_id: str) -> Person | None:
        """The person of an id, if it has ever signed in."""
        found = people.find_person(connection, person_id)
        return None if found is None else _person(found)

    def list_all(self, connection: Connection) -> Sequence[Person]:
        """Everyone who has ever signed in."""
        return tuple(_person(stored) for stored in people.list_people(connection))

    def find_by_demo_token(self, _: str) -> Person | None:
        """None: demo tokens do not count here."""
        return None


def _person(stored: StoredPerson) -> Person:
    return Person.with_given_roles(stored.id, stored.name, stored.roles)
