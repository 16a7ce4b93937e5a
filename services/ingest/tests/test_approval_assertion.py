"""The gateway's signature of an approval is kept beside it, published, and recovered."""

import asyncio
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import connect, run
from libs.common.testing.approved_payments import digest_of_messages
from libs.common.testing.call_keys import SignedByGateway, gateway_verifier, signed_calls_only
from libs.common.web.approval_assertions import (
    ClaimedApproval,
    approval_params,
    approval_path,
    included_digest_path,
    verify_approval,
)
from libs.common.web.internal_auth import Actor
from services.ingest.tests.harness import TOKEN, IngestHarness, spaced

pytestmark = pytest.mark.database


def approve(ingest: IngestHarness, ready: Any, more: Any = None, **params: Any) -> Response:
    """Approve a batch by a call that is signed as the gateway does it."""
    return post(ingest, approval_path(ready["batch_id"]), ready, more, params)


def post(ingest: IngestHarness, path: str, ready: Any, more: Any, params: Any) -> Response:
    async def answer() -> Response:
        async with AsyncClient(
            transport=ASGITransport(signed_calls_only(ingest.web, "ingest")),
            base_url="http://ingest",
            auth=SignedByGateway("ingest"),
        ) as client:
            return await client.post(
                path,
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


def with_excluded_row(ingest: IngestHarness, xml: bytes) -> tuple[Any, dict[str, Any]]:
    """A ready batch, and an approval that includes one of its excluded rows."""
    assert ingest.approve(ingest.ready(xml)).status_code == 200
    again = ingest.ready(spaced(xml))
    row = ingest.rows(again, status="excluded")[0]
    return again, {"include": [{"row_id": row["row_id"], "reason": "a second contribution"}]}


def included_digest(ingest: IngestHarness, ready: Any, more: Any) -> str:
    answer = post(ingest, included_digest_path(ready["batch_id"]), ready, more, {})
    assert answer.status_code == 200, answer.text
    digest: str = answer.json()["digest"]
    return digest


def test_the_signature_names_the_digest_with_the_included_rows(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready, more = with_excluded_row(ingest, xml)
    messages = len(ingest.published(ready["batch_id"], BatchChanged))
    approved = included_digest(ingest, ready, more)
    assert ingest.batch(ready["batch_id"]) == ready  # asking changes nothing
    assert len(ingest.published(ready["batch_id"], BatchChanged)) == messages
    signed = {**more, "approved_digest": approved}
    params = approval_params(ready["digest"], 1, None, approved)
    assert approve(ingest, ready, signed, **params).json()["digest"] == approved
    ingest.check_payments(ready["batch_id"])
    event: BatchChanged = ingest.published(ready["batch_id"], BatchChanged)[-1]
    assert event.approved_at is not None
    claimed = ClaimedApproval(
        event.batch_id, approved, ready["digest"], "anna", event.approved_at, event.barred
    )
    verify_approval(gateway_verifier(), event.approval, claimed)
    assert included_digest(ingest, ready, more) == approved  # the same approval again
    assert approve(ingest, ready, signed, **params).status_code == 200


def test_included_rows_are_approved_under_the_digest_with_them_only(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready, more = with_excluded_row(ingest, xml)
    seen, other = ready["digest"], "sha256:" + "0" * 64
    for named, code in (
        ("", "approval.assertion"),
        (seen, "approval.stale"),
        (other, "approval.stale"),
    ):
        answer = approve(
            ingest,
            ready,
            {**more, "approved_digest": named},
            **approval_params(seen, 1, None, named),
        )
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert ingest.batch(ready["batch_id"]) == ready


def test_a_digest_that_does_not_cover_the_payments_is_not_approved(
    ingest: IngestHarness, xml: bytes
) -> None:
    """Of an older version, or of a database whose rows were changed since the check."""
    ready = ingest.ready(xml)
    changes = (
        "UPDATE batch SET contents_digest = NULL WHERE batch_id = :b",
        "UPDATE batch_row SET merchant_id = 'mch_x' WHERE batch_id = :b AND file_row = 1",
    )
    for change in changes:
        with ingest.engine.begin() as connection:
            run(connection, change, b=ready["batch_id"])
        answer = ingest.approve(ready)
        assert (answer.status_code, answer.json()["code"]) == (409, "approval.stale")
        ready = ingest.check(ready["batch_id"])
    assert ingest.approve(ready).status_code == 200


def test_the_parts_of_an_approved_digest_stay(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    change = "UPDATE batch SET contents_digest = :d WHERE batch_id = :b"
    with pytest.raises(DBAPIError, match="stay as they were approved"), ingest.engine.begin() as c:
        run(c, change, b=ready["batch_id"], d="sha256:" + "0" * 64)


def test_the_payments_of_an_older_approval_are_shown(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    assert ingest.batch(ready["batch_id"])["payments_digest"] is None
    event: BatchChanged = ingest.published(ready["batch_id"], BatchChanged)[-1]
    payments = ingest.published(ready["batch_id"], PaymentApproved)
    found = digest_of_messages(event.batch_id, event.sources, payments)
    owner = connect(ingest.owner_url, "test")
    with owner.begin() as connection:  # as an older version leaves it
        run(connection, "ALTER TABLE batch DISABLE TRIGGER approved_contents_guard")
        run(connection, "UPDATE batch SET contents_digest = NULL")
        run(connection, "ALTER TABLE batch ENABLE TRIGGER approved_contents_guard")
    owner.dispose()
    assert ingest.batch(ready["batch_id"])["payments_digest"] == found
