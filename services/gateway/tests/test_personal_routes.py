"""Each look at personal data is recorded: which routes show some is read from the description.

So a new route that shows people, or gives out a file, must be on the list of recorded reads.
"""

import json
from collections.abc import Iterator
from typing import Any

from devtools import paths
from services.gateway.domain.access import API
from services.gateway.request_guard.personal_reads import EXPORTS, PERSONAL_READS

DESCRIPTION = json.loads((paths.ROOT / "contracts" / "gateway.openapi.json").read_text())
PERSONAL_FIELDS = {"employee_id", "first_name", "last_name", "loan_last4", "dob", "phone"}
NO_FILES = {"application/json", "application/problem+json", "text/event-stream"}


def fields_of(schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all fields in a schema, however deep."""
    if isinstance(schema, list):
        for part in schema:
            yield from fields_of(part, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        yield from fields_of(DESCRIPTION["components"]["schemas"][name], seen | {name})
    yield from schema.get("properties", {})
    for part in schema.values():
        yield from fields_of(part, seen)


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each route that reads, with the contents of its successful answers by media type."""
    for path, item in DESCRIPTION["paths"].items():
        if "get" in item:
            for status, answer in item["get"]["responses"].items():
                if status.startswith("2"):
                    yield path.removeprefix(API), answer.get("content", {})


def test_each_route_that_shows_a_person_or_gives_out_a_file_is_recorded() -> None:
    shows = {
        path
        for path, content in answers()
        if path.endswith("{name}")  # a file
        or set(content) - NO_FILES
        or PERSONAL_FIELDS & {name for one in content.values() for name in fields_of(one)}
    }
    assert len(shows) > 8, "the description was not understood"
    assert shows <= PERSONAL_READS | EXPORTS
