"""Approving a batch: what the signed call to ingest names."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT

pytestmark = pytest.mark.database

SEEN, APPROVED = "sha256:" + "0" * 64, "sha256:" + "1" * 64
PATH = f"/batches/{BATCH}/approve"
ASKED = f"/batches/{BATCH}/included-digest"
INCLUDE = [{"row_id": PAYMENT, "reason": "agreed"}]


def approve(gateway: Gateway, **order: Any) -> Any:
    gateway.ingest.will_answer("POST", PATH, {"batch_id": BATCH, "status": "approved"})
    return gateway.call("POST", PATH, "approver", json={"digest": SEEN, **order})


def newest(gateway: Gateway) -> tuple[str, dict[str, list[str]], Any]:
    """Path, query and body of the newest call to ingest."""
    fake = gateway.ingest
    return fake.calls[-1][1], parse_qs(fake.queries[-1]), json.loads(fake.bodies[-1])


def test_the_call_names_the_digest_with_the_included_rows(gateway: Gateway) -> None:
    gateway.ingest.will_answer("POST", ASKED, {"batch_id": BATCH, "digest": APPROVED})
    assert approve(gateway, include=INCLUDE).status_code == 200
    path, query, body = newest(gateway)
    assert path == PATH
    assert query == {"digest": [SEEN], "include": ["1"], "approved": [APPROVED]}
    assert (body["approved_digest"], body["include"]) == (APPROVED, INCLUDE)


def test_without_included_rows_nothing_is_asked(gateway: Gateway) -> None:
    assert approve(gateway).status_code == 200
    path, query, body = newest(gateway)
    assert (path, query) == (PATH, {"digest": [SEEN], "include": ["0"]})
    assert "approved_digest" not in body
    assert ("POST", ASKED) not in gateway.ingest.calls


def test_rows_that_cannot_be_included_approve_nothing(gateway: Gateway) -> None:
    problem = {"code": "approval.include", "detail": "not excluded", "action": "look again"}
    gateway.ingest.will_answer("POST", ASKED, problem, 409)
    assert approve(gateway, include=INCLUDE).status_code == 409
    assert ("POST", PATH) not in gateway.ingest.calls
