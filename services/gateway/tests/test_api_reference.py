"""`/docs`: every operation, with examples that its schema allows, and nothing loaded."""

import asyncio
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from devtools.contracts import openapi
from services.gateway.schemas.problems import PROBLEM_ANSWERS
from services.gateway.static_files.api_examples import (
    FILES,
    answer_example,
    request_example,
    value_of,
)
from services.gateway.static_files.api_reference import reference_page
from services.gateway.static_files.middleware import DashboardMiddleware

API = openapi()
OPERATIONS = [
    (f"{method.upper()} {path}", item[method])
    for path, item in API["paths"].items()
    for method in item
]
each_operation = pytest.mark.parametrize(
    ("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS]
)


def check(schema: dict[str, Any], text: str) -> None:
    value = json.loads(text)
    assert value not in ({}, None) or not schema
    whole = {**schema, "components": API["components"]}
    assert [error.message for error in Draft202012Validator(whole).iter_errors(value)] == []


@each_operation
def test_each_request_has_an_example_that_its_schema_allows(
    name: str, operation: dict[str, Any]
) -> None:
    example = request_example(API, operation)
    if "requestBody" not in operation:
        assert example is None
        return
    content = operation["requestBody"]["content"]
    assert example
    if not set(content) & set(FILES):
        check(content["application/json"]["schema"], example)


@each_operation
def test_each_answer_has_an_example_that_its_schema_allows(
    name: str, operation: dict[str, Any]
) -> None:
    status, example = answer_example(API, operation)
    assert example
    content = operation["responses"][status].get("content", {})
    if "application/json" in content:
        check(content["application/json"]["schema"], example)


def test_a_value_keeps_to_the_limits_of_its_schema() -> None:
    assert value_of(API, {}) == {}
    assert value_of(API, {"type": "string", "maxLength": 2}) == "te"
    assert value_of(API, {"type": "integer", "maximum": 0}) == 0
    assert value_of(API, {"type": "integer", "minimum": 7}) == 7


def test_the_page_names_each_operation_with_both_examples() -> None:
    page = unescape(reference_page(API).decode())
    for name, operation in OPERATIONS:
        assert f"<code>{name}</code>" in page
        assert answer_example(API, operation)[1] in page
        assert (request_example(API, operation) or "") in page


def get(tmp_path: Path) -> httpx.Response:
    app = FastAPI(title="<script>", docs_url=None)

    @app.get("/api/v1/here")
    def here() -> str:
        """<script>alert(1)</script>"""
        return "data"

    app.add_middleware(DashboardMiddleware, folder=tmp_path, own_names_only=True)

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/docs")

    return asyncio.run(main())


def test_the_page_is_served_without_scripts_under_the_strict_policy(tmp_path: Path) -> None:
    answer = get(tmp_path)
    assert answer.status_code == 200
    assert "GET /api/v1/here" in answer.text
    assert "<script" not in answer.text
    assert not re.search(r"\s(?:src|style|on\w+)=", answer.text)
    (nonce,) = re.findall(r'nonce="([^"]+)"', answer.text)
    assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
    assert re.findall(r'href="([^"]+)"', answer.text) == ["/openapi.json"]


def test_every_answer_that_the_description_refers_to_is_in_it() -> None:
    answers = [
        answer["$ref"]
        for _, operation in OPERATIONS
        for answer in operation["responses"].values()
        if "$ref" in answer
    ]
    assert set(answers) == {f"#/components/responses/{name}" for name in PROBLEM_ANSWERS}
