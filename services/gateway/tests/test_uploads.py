"""Uploads are sent on while they are received, up to a limit."""

from collections.abc import AsyncIterator

import pytest

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database


def test_an_upload_is_sent_on_while_it_is_received_and_never_buffered(gateway: Gateway) -> None:
    sent, furthest, chunk = 0, 0, bytes(1_000_000)
    gateway.ingest.will_answer("POST", "/batches", {"batch_id": BATCH, "status": "receiving"}, 202)

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent, furthest
        for _ in range(200):
            sent += len(chunk)
            yield chunk
            furthest = max(furthest, sent - gateway.ingest.received)

    answer = gateway.call(
        "POST",
        "/batches?filename=a.xml&period=2026-11-20&repeat_reason=why%3F",
        "preparer",
        content=body(),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/xml"},
    )
    assert (answer.status_code, gateway.ingest.received) == (202, 200_000_000)
    assert furthest <= 2 * len(chunk)
    assert gateway.ingest.queries == ["filename=a.xml&period=2026-11-20&repeat_reason=why%3F"]
    assert gateway.ingest.headers[0]["content-encoding"] == "gzip"


def test_an_upload_that_declares_itself_too_large_is_413_before_it_is_read(
    gateway: Gateway,
) -> None:
    answer = gateway.call(
        "POST",
        "/batches?filename=a.xml",
        "preparer",
        content=b"x" * 64,
        headers={"Content-Length": str(3 * 10**9)},
    )
    assert (answer.status_code, answer.json()["code"], answer.headers["connection"]) == (
        413,
        "upload.too-large",
        "close",
    )
    assert not gateway.ingest.calls


def test_an_upload_that_turns_out_too_large_is_413(gateway: Gateway) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(301):
            yield bytes(1_000_000)

    answer = gateway.call("POST", "/batches?filename=a.xml", "preparer", content=body())
    assert (answer.status_code, answer.json()["code"]) == (413, "upload.too-large")


def test_mended_rows_are_sent_on_as_a_roster_is(gateway: Gateway) -> None:
    path = f"/batches/{BATCH}/mended-rows"
    gateway.ingest.will_answer("POST", path, {"batch_id": BATCH, "status": "reading"}, 202)
    answers = [
        gateway.call(
            "POST",
            f"{path}?filename=m.xml&repeat_reason=why",
            "preparer",
            content=body,
            headers={"Content-Type": "application/xml", "Idempotency-Key": "one"},
        )
        for body in (b"<root/>" * 20_000, b"<root/>" * 20_000, b"another file")
    ]
    assert [one.status_code for one in answers] == [202, 202, 422]
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert answers[2].json()["code"] == "idempotency.reused"
    assert gateway.ingest.queries == ["filename=m.xml&repeat_reason=why"]
    assert gateway.ingest.received == 140_000


def test_a_relayed_header_outside_ascii_is_refused_and_nothing_is_sent_on(
    gateway: Gateway,
) -> None:
    answer = gateway.call(
        "POST",
        "/batches?filename=a.xml",
        "preparer",
        content=b"<root/>",
        headers={"Content-Encoding": b"\xff"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "header.not-ascii")
    assert gateway.ingest.calls == []
