"""An example for each operation of the API's description, derived from its schemas."""

import json
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]  # Any: JSON
DEPTH_MAX = 12
EVENTS, JSON = "text/event-stream", "application/json"
#: Values by the name of a field, for those that a type alone would explain badly.
BY_NAME: Json = {
    "amount": "9.38",
    "digest": "sha256:" + "5e" * 32,
    "request_id": "4d1c2a7be0f84e5f9b1f3c0a6f2d7e11",
    "filename": "roster-2026-11-20.xml",
    "reason": "The branch asked for it.",
    "person": "demo-preparer",
    "account_last4": "6789",
    "loan_last4": "4321",
    "aba_routing": "121000358",
    "ein": "321202401",
    "merchant_id": "mch_77",
    "token": "paydown_…",
    "from": "IA",
    "to": "KS",
}
BY_FORMAT: Json = {
    "uuid": "0d1f5a52-6f0e-4c0c-9a55-2f6c5d7b1e90",
    "date": "2026-11-20",
    "date-time": "2026-11-20T14:30:00Z",
}
BY_TYPE: Json = {"string": "text", "boolean": False, "number": 1.0, "null": None}
#: Answers whose fields another service owns, so that the description does not have them.
OPEN_ANSWERS: Json = {
    "Response Certificate": {
        "batch_id": BY_FORMAT["uuid"],
        "version": 1,
        "outcome": "completed",
        "digest": BY_NAME["digest"],
        "currency": "USD",
        "issued_at": BY_FORMAT["date-time"],
        "total": {"rows": 2, "amount_cents": 938, "amount": "9.38"},
        "paid": {"rows": 2, "amount_cents": 938, "amount": "9.38"},
        "versions": [],
    }
}
#: Bodies that are no JSON: files, and a form.
FILES: Json = {
    "application/x-www-form-urlencoded": "logout_token=eyJ…",
    "application/xml": "<root>\n  <row>…</row>\n</root>",
    "application/gzip": "(the same, compressed)",
}


def request_example(document: Json, operation: Json) -> str | None:
    """The body of a request; None for an operation without one."""
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, body in content.items():
        if media_type in FILES:
            return str(FILES[media_type])
        return _text(value_of(document, body.get("schema", {})))
    return None


def answer_example(document: Json, operation: Json) -> tuple[str, str]:
    """The status and the body of the first success that an operation describes."""
    status, answer = next(
        (status, answer)
        for status, answer in operation["responses"].items()
        if status.startswith(("2", "3"))
    )
    if status.startswith("3"):
        return status, "Location: /"
    for media_type, body in answer.get("content", {}).items():
        if media_type == EVENTS:
            return status, 'id: 1\nevent: snapshot\ndata: {"status": "paying"}'
        if media_type == JSON:
            return status, _text(value_of(document, body.get("schema", {})))
    return status, "(a file, as its name says)"


def value_of(document: Json, schema: Json, name: str = "", depth: int = 0) -> Any:  # Any: JSON
    """A value that a schema allows; the same on every call."""
    if "$ref" in schema:
        found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return value_of(document, found, name, depth)
    if schema.get("title") in OPEN_ANSWERS:
        return OPEN_ANSWERS[schema["title"]]
    for word in ("example", "const"):
        if word in schema:
            return schema[word]
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return value_of(document, schema[word][0], name, depth)
    kind = schema.get("type", "object" if "properties" in schema else "")
    if depth > DEPTH_MAX or kind == "":
        return {} if kind in ("object", "") else None
    if kind == "object":
        properties = schema.get("properties", {})
        return {key: value_of(document, part, key, depth + 1) for key, part in properties.items()}
    if kind == "array":
        return [value_of(document, schema.get("items", {}), name, depth + 1)]
    return _scalar(schema, kind, name)


def _scalar(schema: Json, kind: str, name: str) -> Any:  # Any: JSON
    if kind == "integer":
        wanted = 938 if name.endswith("_cents") else 1
        at_least = max(wanted, schema.get("minimum", wanted))
        return min(at_least, schema.get("maximum", at_least))
    if kind == "string":
        given = BY_FORMAT.get(schema.get("format", "")) or BY_NAME.get(name, BY_TYPE["string"])
        return given[: schema.get("maxLength", len(given))]
    return BY_TYPE[kind]


def _text(value: Any) -> str:  # Any: JSON
    return json.dumps(value, indent=2, ensure_ascii=False)
