"""Idempotency keys: a repeated call gets the first answer, and nothing is done twice."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.gateway.domain import access
from services.gateway.store import idempotency_keys
from services.gateway.store.idempotency_keys import ClaimResult, IdempotencyKey, StoredAnswer
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH
from services.gateway.tests.route_samples import (
    UNSAFE,
    call,
    prepare,
)

pytestmark = pytest.mark.database


def test_the_same_key_is_the_same_answer_and_nothing_is_done_twice(gateway: Gateway) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    headers = {"Idempotency-Key": "k1", "Content-Encoding": "gzip"}
    first = gateway.call(
        "POST", "/batches?filename=a.xml", "preparer", content=b"<root/>", headers=headers
    )
    gateway.ingest.will_answer("POST", "/batches", {"code": "batch.live"}, 409)
    again = gateway.call(
        "POST", "/batches?filename=a.xml", "preparer", content=b"<root/>", headers=headers
    )
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (
        202,
        first.json(),
        "true",
    )
    assert len(gateway.ingest.calls) == 1
    assert [kind for kind, *_ in gateway.audit_lines()] == ["intent", "outcome", "replayed"]
    other = gateway.call(
        "POST", "/batches?filename=b.xml", "preparer", content=b"<root/>", headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.reused")
    assert (
        gateway.call("POST", "/batches?filename=a.xml", "preparer", content=b"<root/>").status_code
        == 409
    )


def test_the_same_key_with_another_file_is_422_and_never_the_old_batch(gateway: Gateway) -> None:
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    headers = {"Idempotency-Key": "k1"}
    answers = [
        gateway.call("POST", "/batches", "preparer", content=content, headers=headers)
        for content in (b"<root/>", b"<root></root>", b"", b"<root/>")
    ]
    assert [answer.status_code for answer in answers] == [202, 422, 422, 202]
    assert [answers[1].json()["code"], answers[3].headers["idempotent-replayed"]] == [
        "idempotency.reused",
        "true",
    ]
    assert BATCH not in answers[1].text
    assert len(gateway.ingest.calls) == 1


def test_a_key_is_its_owners_and_its_routes(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "k1"}
    for who, act in (("approver", "discard"), ("preparer", "discard"), ("approver", "pause")):
        gateway.call("POST", f"/batches/{BATCH}/{act}", who, json={"reason": "r"}, headers=headers)
    assert len(gateway.ingest.calls) + len(gateway.dispatcher.calls) == 3
    assert (
        gateway.call(
            "POST", f"/batches/{BATCH}/discard", "preparer", json={"reason": "s"}, headers=headers
        ).status_code
        == 422
    )
    assert (
        gateway.call(
            "POST",
            f"/batches/{BATCH}/discard",
            "preparer",
            json={},
            headers={"Idempotency-Key": "k" * 256},
        ).status_code
        == 400
    )


def test_a_failure_is_not_stored_for_its_key_and_a_refusal_is(gateway: Gateway) -> None:
    path, headers = f"/batches/{BATCH}/pause", {"Idempotency-Key": "k2"}
    gateway.dispatcher.away = httpx.ConnectError("refused")
    assert gateway.call("POST", path, "approver", json={}, headers=headers).status_code == 503
    gateway.dispatcher.away = None
    gateway.dispatcher.will_answer("POST", path, {"code": "batch.ended", "detail": "x"}, 409)
    assert gateway.call("POST", path, "approver", json={}, headers=headers).status_code == 409
    gateway.dispatcher.will_answer("POST", path, {"state": "paused"})
    assert (
        gateway.call("POST", path, "approver", json={}, headers=headers).json()["code"]
        == "batch.ended"
    )


def test_a_refused_upload_is_not_stored_for_its_key(gateway: Gateway) -> None:
    """It took nothing, and may have been refused because its connection was cut."""
    upload, headers = "/batches?filename=a.xml", {"Idempotency-Key": "k6"}
    gateway.ingest.will_answer("POST", "/batches", {"code": "upload.incomplete"}, 400)
    first = gateway.call("POST", upload, "preparer", content=b"<root", headers=headers)
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)
    again = gateway.call("POST", upload, "preparer", content=b"<root/>", headers=headers)
    assert (first.status_code, again.status_code) == (400, 202)
    assert "idempotent-replayed" not in again.headers


def test_a_key_in_progress_is_409_until_its_process_must_be_dead(gateway: Gateway) -> None:
    key = IdempotencyKey("demo-approver", "POST", f"/api/v1/batches/{BATCH}/pause", "k3")
    first, second = (UUID(int=n) for n in (1, 2))
    with gateway.engine.begin() as connection:
        assert idempotency_keys.claim_key(connection, key, "f", first, 60) == ClaimResult()
    with gateway.engine.begin() as connection:
        assert idempotency_keys.claim_key(connection, key, "f", second, 60).in_progress
        connection.execute(text("UPDATE idempotency SET claimed_at = now() - interval '61 s'"))
        assert idempotency_keys.claim_key(connection, key, "f", second, 60) == ClaimResult()
        idempotency_keys.store_answer(
            connection, key, first, StoredAnswer(200, "application/json", b"{}")
        )  # it lives after all, and comes too late
        assert idempotency_keys.claim_key(connection, key, "f", first, 60).in_progress
        idempotency_keys.store_answer(
            connection, key, second, StoredAnswer(200, "application/json", b"{}")
        )
        assert idempotency_keys.claim_key(connection, key, "f", first, 60).answer == StoredAnswer(
            200, "application/json", b"{}"
        )


def test_two_at_once_with_one_key_are_done_once(gateway: Gateway) -> None:
    async def work(client: httpx.AsyncClient) -> list[int]:
        headers = {"Authorization": "Bearer demo-approver", "Idempotency-Key": "k4"}
        answers = await asyncio.gather(
            *(
                client.post(f"/api/v1/batches/{BATCH}/pause", json={}, headers=headers)
                for _ in range(5)
            )
        )
        return [a.status_code for a in answers]

    assert set(gateway.run(work)) <= {200, 409}
    assert len(gateway.dispatcher.calls) == 1


@pytest.mark.parametrize(
    ("method", "template"), [route for route in UNSAFE if route[1] != "/session"]
)
def test_every_unsafe_route_obeys_its_key(gateway: Gateway, method: str, template: str) -> None:
    prepare(gateway)
    who = sorted(access.ROUTE_ROLES[method, template])[0]
    first, again = (
        call(gateway, method, template, who, headers={"Idempotency-Key": "k5"}) for _ in range(2)
    )
    assert first.status_code < 500
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (
        first.status_code,
        "true",
    )
    for fake in gateway.fakes.values():
        assert sum(how != "GET" for how, _ in fake.calls) <= 1
    assert [kind for kind, *_ in gateway.audit_lines()] == ["intent", "outcome", "replayed"]
