"""Which changes of an API break the programs that use it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from devtools import api_compatibility, paths
from devtools.api_compatibility import breaks

API: dict[str, Any] = json.loads((paths.ROOT / api_compatibility.CURRENT).read_text())
BATCHES = "/api/v1/batches"


def schema(api: dict[str, Any], name: str) -> Any:
    return api["components"]["schemas"][name]


def body(api: dict[str, Any]) -> Any:
    return api["paths"]["/api/v1/tokens"]["post"]["requestBody"]


def make_optional(api: dict[str, Any]) -> None:
    schema(api, "Batch")["required"].remove("digest")


def make_optional_beside_null(api: dict[str, Any]) -> None:
    """`error` is null or a FileError."""
    schema(api, "FileError")["required"].remove("message")


def require_more(api: dict[str, Any]) -> None:
    schema(api, order(api))["required"].append("why")


def order(api: dict[str, Any]) -> str:
    reference: str = body(api)["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def add_parameter(api: dict[str, Any], **more: Any) -> None:
    added = {"name": "why", "in": "query", "schema": {"type": "string"}, **more}
    api["paths"][BATCHES]["get"]["parameters"].append(added)


def narrow_enum(api: dict[str, Any]) -> None:
    items = schema(api, order(api))["properties"]["roles"]["items"]
    items.setdefault("enum", ["preparer"]).pop()


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a path": (lambda api: api["paths"].pop(BATCHES), f"GET {BATCHES} is gone"),
    "a method": (lambda api: api["paths"][BATCHES].pop("post"), f"POST {BATCHES} is gone"),
    "a field of an answer": (
        lambda api: schema(api, "Batch")["properties"].pop("digest"),
        "answer.digest is gone",
    ),
    "a field in a list of an answer": (
        lambda api: schema(api, "BatchSource")["properties"].pop("rows"),
        "answer.sources[].rows is gone",
    ),
    "a field that may be missing": (make_optional, "answer.digest may be missing now"),
    "a field that may be missing, of a part that may be null": (
        make_optional_beside_null,
        "answer.error.message may be missing now",
    ),
    "another type": (
        lambda api: schema(api, "RowCounts")["properties"]["total"].update(type="string"),
        "answer.rows.total was integer and is string",
    ),
    "null in an answer": (
        lambda api: schema(api, "RowCounts")["properties"]["total"].update(
            type=["integer", "null"]
        ),
        "answer.rows.total was integer and is integer/null",
    ),
    "a status": (
        lambda api: api["paths"][BATCHES]["post"]["responses"].pop("202"),
        "status 202 is gone",
    ),
    "a media type of a request": (
        lambda api: api["paths"][BATCHES]["post"]["requestBody"]["content"].pop("application/gzip"),
        "accepts no application/gzip",
    ),
    "a required field of a request": (require_more, "body.why is required now"),
    "a required parameter": (
        lambda api: add_parameter(api, required=True),
        "parameter query why is required now",
    ),
    "a parameter": (
        lambda api: api["paths"][BATCHES]["get"]["parameters"].pop(),
        "is gone",
    ),
    "a narrower enum of a request": (narrow_enum, "no longer accepts"),
}
HARMLESS: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda _: None,
    "a new path": lambda api: api["paths"].update({"/new": api["paths"][BATCHES]}),
    "a new field of an answer": lambda api: schema(api, "Batch")["properties"].update(
        new={"type": "string"}
    ),
    "a new optional parameter": add_parameter,
    "a new optional field of a request": lambda api: schema(api, order(api))["properties"].update(
        new={"type": "string"}
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_is_found(what: str) -> None:
    after, (change, words) = copy.deepcopy(API), BREAKS[what]
    change(after)
    found = breaks(API, after)
    assert any(words in line for line in found), found


@pytest.mark.parametrize("what", HARMLESS)
def test_an_addition_is_no_break(what: str) -> None:
    after = copy.deepcopy(API)
    HARMLESS[what](after)
    assert breaks(API, after) == []


def test_the_api_is_compatible_with_the_last_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert api_compatibility.main([]) == 0, capsys.readouterr().out
