"""The live stream: a snapshot first, then what changed, and an end when the reader leaves."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from libs.common.web.problem_details import Problem
from services.gateway import event_stream
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH

pytestmark = pytest.mark.database


def parsed(text: str) -> tuple[str, int, dict[str, Any]]:
    fields = dict(
        line.split(": ", 1) for line in text.strip().splitlines() if not line.startswith("retry")
    )
    return fields["event"], int(fields["id"]), json.loads(fields["data"])


async def signed_in() -> bool:
    return True


def test_a_snapshot_then_changes_then_an_honest_gap() -> None:
    answers: list[dict[str, Any] | Problem] = [
        {"version": 1, "completed": 0},
        {"version": 2, "completed": 1},
        *[Problem(503, "upstream.away", "away", "wait")] * 2,
        {"version": 2, "completed": 1},
    ]
    slots = event_stream.StreamSlots(1)

    async def read() -> dict[str, Any]:
        found = answers.pop(0)
        if isinstance(found, Problem):
            raise found
        return found

    async def main() -> list[tuple[str, int, dict[str, Any]]]:
        stream = event_stream.events(
            {"version": 1, "completed": 0},
            read,
            signed_in,
            slots,
            event_stream.StreamTiming(0.0, 15.0),
        )
        found = [parsed(await anext(stream)) for _ in range(4)]
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator
        return found

    found = asyncio.run(main())
    assert [(event, number) for event, number, _ in found] == [
        ("snapshot", 1),
        ("change", 2),
        ("away", 3),
        ("snapshot", 4),
    ]
    assert found[1][2] == {"version": 2, "completed": 1}
    assert slots.free == 1


def test_silence_is_broken_by_a_heartbeat() -> None:
    async def read() -> dict[str, Any]:
        return {"version": 1}

    async def main() -> str:
        stream = event_stream.events(
            {"version": 1},
            read,
            signed_in,
            event_stream.StreamSlots(1),
            event_stream.StreamTiming(0.01, 0.03),
        )
        await anext(stream)
        return await anext(stream)

    assert asyncio.run(main()).startswith(":")


def open_stream(
    gateway: Gateway,
    seen: list[bytes],
    enough: int,
    who: tuple[bytes, bytes] = (b"authorization", b"Bearer demo-auditor"),
    meanwhile: Callable[[], Any] = lambda: None,
) -> dict[str, Any]:
    """Read a live stream over ASGI until `enough` pieces came, then leave.

    `meanwhile` runs after the first piece.
    """
    started: dict[str, Any] = {}
    left, requests = asyncio.Event(), [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        elif message.get("body"):
            seen.append(message["body"])
            if len(seen) == 1:
                await asyncio.to_thread(meanwhile)
            if len(seen) >= enough:
                left.set()

    path = f"/api/v1/batches/{BATCH}/live"
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
        "headers": [(b"host", b"127.0.0.1"), who, (b"last-event-id", b"17")],
        "client": ("127.0.0.1", 1),
        "server": ("gateway", 80),
        "scheme": "http",
        "asgi": {"version": "3.0"},
    }

    async def main() -> None:
        await asyncio.wait_for(gateway.app(scope, receive, send), 5)  # type: ignore[arg-type] # ASGI by hand

    asyncio.run(main())
    return started


def test_the_first_event_is_a_snapshot_and_the_stream_ends_with_its_reader(
    gateway: Gateway,
) -> None:
    gateway.reports.will_answer(
        "GET", f"/batches/{BATCH}/live", {"version": 4, "payments": {"completed": 2}}
    )
    for _ in range(3):  # two slots: they are given back
        seen: list[bytes] = []
        started = open_stream(gateway, seen, 2)
        assert dict(started["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert parsed(seen[0].decode()) == (
            "snapshot",
            1,
            {"version": 4, "payments": {"completed": 2}},
        )


def test_a_stream_ends_when_its_reader_is_signed_out(gateway: Gateway) -> None:
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/live", {"version": 4})
    cookie = gateway.sign_in("demo-auditor")
    seen: list[bytes] = []
    started = open_stream(
        gateway,
        seen,
        10_000,
        (b"cookie", cookie.encode()),
        lambda: gateway.call(
            "DELETE", "/session", None, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        ),
    )
    assert started["status"] == 200
    assert 1 <= len(seen) < 100  # it ended by itself; its reader never left


def test_the_number_of_streams_is_limited() -> None:
    event_stream.StreamSlots(1).check()
    with pytest.raises(Problem) as full:
        event_stream.StreamSlots(0).check()
    assert (full.value.status, full.value.code) == (503, "live.full")


def test_no_stream_starts_for_an_unknown_batch(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", {"code": "batch.unknown"}, 404)
    gateway.reports.will_answer(
        "GET", f"/batches/{BATCH}/live", {"version": 0}
    )  # all zero is what reports says of any id
    assert gateway.call("GET", f"/batches/{BATCH}/live").status_code == 404
