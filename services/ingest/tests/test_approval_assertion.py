"""The gateway's signature of an approval is kept beside it, published, and recovered."""

import asyncio
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from libs.common.contracts.events.batches import BatchChanged
from libs.common.testing.call_keys import SignedByGateway, gateway_verifier, signed_calls_only
from libs.common.web.approval_assertions import (
    ClaimedApproval,
    approval_params,
    approval_path,
    verify_approval,
)
from libs.common.web.internal_auth import Actor
from services.ingest.tests.harness import TOKEN, IngestHarness

pytestmark = pytest.mark.database


def approve(ingest: IngestHarness, ready: Any, more: Any = None, **params: Any) -> Response:
    """Approve a batch by a call that is signed as the gateway does it."""

    async def answer() -> Response:
        async with AsyncClient(
            transport=ASGITransport(signed_calls_only(ingest.web, "ingest")),
            base_url="http://ingest",
            auth=SignedByGateway("ingest"),
        ) as client:
            return await client.post(
                approval_path(ready["batch_id"]),
                params=params,
                headers=Actor("anna", frozenset({"approver"})).headers(TOKEN),
                json={
                    "digest": ready["digest"],
                    "acknowledge": ready["to_acknowledge"],
                    **(more or {}),
                },
            )

    return asyncio.run(answer())


def test_the_signature_is_published_and_proves_the_approval(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    answer = approve(ingest, ready, **approval_params(ready["digest"], 0))
    assert answer.status_code == 200, answer.text
    event: BatchChanged = ingest.published(ready["batch_id"], BatchChanged)[-1]
    assert event.approval is not None
    assert event.digest is not None
    assert event.approved_by == "anna"
    assert event.approved_at is not None
    claimed = ClaimedApproval(
        event.batch_id, event.digest, event.seen_digest, "anna", event.approved_at, event.barred
    )
    verify_approval(gateway_verifier(), event.approval, claimed)


@pytest.mark.parametrize(
    "params", [{}, approval_params("sha256:" + "0" * 64, 0), {"digest": "", "include": 1}]
)
def test_a_signed_address_that_names_something_else_approves_nothing(
    ingest: IngestHarness, xml: bytes, params: dict[str, Any]
) -> None:
    ready = ingest.ready(xml)
    answer = approve(ingest, ready, **params)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval.assertion")
    assert ingest.batch(ready["batch_id"])["status"] == "ready"
