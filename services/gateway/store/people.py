"""The table `person`: everyone who has signed in through the identity provider."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from libs.common.database.engine import run

PEOPLE_MAX = 1_000


@dataclass(frozen=True)
class StoredPerson:
    """A person with the roles of the newest sign-in."""

    id: str
    name: str
    roles: frozenset[str]


def upsert_person(connection: Connection, person_id: str, name: str, roles: Sequence[str]) -> None:
    """Store a person who signs in.

    A second call replaces name and roles: the newest sign-in counts for every session and token
    of the person.
    """
    run(
        connection,
        """
        INSERT INTO person (person, name, roles)
        VALUES (:person, :name, CAST(:roles AS text[]))
        ON CONFLICT (person) DO UPDATE
        SET name = excluded.name, roles = excluded.roles, signed_in_at = now()""",
        person=person_id,
        name=name,
        roles=list(roles),
    )


def update_roles(connection: Connection, person_id: str, name: str, roles: Sequence[str]) -> None:
    """Store what the provider says now of a person who is signed in. A second call replaces it."""
    run(
        connection,
        """
        UPDATE person
        SET name = :name, roles = CAST(:roles AS text[])
        WHERE person = :person""",
        person=person_id,
        name=name,
        roles=list(roles),
    )


def find_person(connection: Connection, person_id: str) -> StoredPerson | None:
    """The person of an id; None if nobody of this id has signed in."""
    row = run(
        connection,
        """
        SELECT person, name, roles
        FROM person
        WHERE person = :person""",
        person=person_id,
    ).first()
    return None if row is None else StoredPerson(row.person, row.name, frozenset(row.roles))


def list_people(connection: Connection) -> list[StoredPerson]:
    """Everyone who has signed in, by name; at most PEOPLE_MAX."""
    rows = run(
        connection,
        """
        SELECT person, name, roles
        FROM person
        ORDER BY name, person
        LIMIT :limit""",
        limit=PEOPLE_MAX,
    )
    return [StoredPerson(row.person, row.name, frozenset(row.roles)) for row in rows]
