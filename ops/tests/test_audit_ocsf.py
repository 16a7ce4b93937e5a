"""The audit log in OCSF's words: the class's required fields, and the place in the chain."""

import json
from typing import Any

import pytest

from ops.audit_ocsf import as_ocsf
from services.gateway.domain.audit_chain import AuditEntry, AuditKind, ChainedEntry

#: What class 6003 requires of every event.
REQUIRED = {
    *("activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id"),
    *("metadata", "actor", "api", "src_endpoint"),
}


def event(
    kind: AuditKind = "outcome", method: str = "POST", status: int | None = 200
) -> dict[str, Any]:
    entry = AuditEntry(
        "2026-11-28T12:00:00.250000+00:00",
        kind,
        "r1",
        "anna",
        ("approver",),
        method,
        "/api/v1/batches/1/approve",
        status,
        "1",
        "session",
        "203.0.113.7",
    )
    text = as_ocsf(ChainedEntry(7, entry, "0" * 64, "f" * 64))
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_an_event_has_what_its_class_requires_and_its_place_in_the_chain() -> None:
    found = event()
    assert set(found) >= REQUIRED
    assert (found["class_uid"], found["type_uid"], found["time"]) == (6003, 600301, 1795867200250)
    assert found["actor"]["user"] == {"uid": "anna", "groups": [{"name": "approver"}]}
    assert found["src_endpoint"] == {"ip": "203.0.113.7"}
    assert (found["unmapped"]["seq"], found["unmapped"]["hash"]) == (7, "f" * 64)
    assert found["metadata"]["uid"] == "7"


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [("outcome", 200, 1), ("outcome", 409, 2), ("intent", None, 0), ("refused", 403, 2)],
)
def test_a_status_is_what_became_of_the_call(
    kind: AuditKind, status: int | None, expected: int
) -> None:
    found = event(kind, status=status)
    assert found["status_id"] == expected
    assert ("http_response" in found) == (status is not None)


@pytest.mark.parametrize(
    ("method", "activity"), [("POST", 1), ("GET", 2), ("DELETE", 4), ("TRACE", 99)]
)
def test_an_activity_is_the_method(method: str, activity: int) -> None:
    assert event(method=method)["activity_id"] == activity
