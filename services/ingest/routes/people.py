"""People and loans over all batches, and the search. Texts that name people stand in bodies."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Connection

from libs.common.web.problem_details import Problem
from services.ingest.domain.year_limit import limit_cents
from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.routes.context import Dependencies
from services.ingest.schemas import people as answers
from services.ingest.staging import business_day
from services.ingest.store import (
    batch_search,
    person_decisions,
    person_search,
    row_history,
    year_sums,
)
from services.ingest.store import people as store_people
from services.ingest.store.holds import COLUMNS

HITS_MAX: Final = 8
PEOPLE_MAX: Final = 50


class SearchBody(BaseModel):
    """What is searched for. Without `people` nobody is found by name or id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
    people: bool = True


def add_people(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    engine, encryption = dependencies.engine, dependencies.encryption

    @router.post("/people", dependencies=[caller])
    def find_people(body: SearchBody) -> dict[str, Any]:
        with engine.connect() as connection:
            found = _people(connection, dependencies, body.q, PEOPLE_MAX + 1)
        return {"items": found[:PEOPLE_MAX], "more": len(found) > PEOPLE_MAX}

    @router.post("/search", dependencies=[caller])
    def search(body: SearchBody) -> dict[str, Any]:
        with engine.connect() as connection:
            people = _people(connection, dependencies, body.q, HITS_MAX) if body.people else []
            return answers.search_answer(
                people,
                batch_search.find_batches(connection, body.q, HITS_MAX),
                {
                    kind: batch_search.find_accounts(connection, kind, body.q, HITS_MAX)
                    for kind in ("branch", "source")
                },
            )

    @router.get("/people/{person_id}", dependencies=[caller])
    def person(person_id: str) -> dict[str, Any]:
        key = encryption.person_key_of(person_id)
        year = business_day(datetime.now(UTC)).year
        with engine.connect() as connection:
            rows = row_history.list_rows_with(connection, "person_key", key)
            if not rows:
                raise _unknown("employee", "No roster names this employee.")
            found = answers.YearSum(
                year,
                limit_cents(dependencies.settings.yearly_limits, year),
                year_sums.sum_year(connection, key, year),
            )
            periods = row_history.list_approved_periods(connection)
            identities = store_people.list_identities(connection, key)
            decided = _decided(connection, rows, tuple(COLUMNS))
        return {
            **answers.person_answer(encryption, rows, periods, found),
            **decided,
            "identities": [one._asdict() for one in identities],
        }

    @router.get("/loans/{loan_id}", dependencies=[caller])
    def loan(loan_id: str) -> dict[str, Any]:
        with engine.connect() as connection:
            rows = row_history.list_rows_with(connection, "loan_key", loan_id)
            if not rows:
                raise _unknown("loan", "No roster names this loan.")
            periods = row_history.list_approved_periods(connection)
            decided = _decided(connection, rows, ("loan",))
        return {**answers.loan_answer(encryption, rows, periods), **decided}


def _people(
    connection: Connection, dependencies: Dependencies, given: str, limit: int
) -> list[dict[str, Any]]:
    keys = person_search.find_people(connection, given, canonical_person(given), limit)
    return [
        answers.person_item(dependencies.encryption, row)
        for row in person_search.list_newest_rows(connection, keys)
    ]


def _decided(
    connection: Connection, rows: Sequence[Any], kinds: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """What people decided about these rows, and holds of these kinds on what they have."""
    return answers.decided_answer(
        person_decisions.list_decisions_about(connection, rows),
        person_decisions.list_holds_on(connection, rows, kinds),
    )


def _unknown(noun: str, sentence: str) -> Problem:
    return Problem(404, f"{noun}.unknown", sentence, "Search for it again.")
