"""Spans of requests, linked to each other.

At the gateway they are in their caller's trace, at a service in the batch's.
"""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from libs.common.observability import tracing
from libs.common.observability.trace_context import Context, batch_root, parse_header
from libs.common.tests.recorded_spans import RecordedSpans
from libs.common.web import request_tracing
from libs.common.web.internal_auth import TOKEN
from libs.common.web.problem_details import Problem, install_error_handlers

BATCH, CHILD = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
CALLER = Context("c" * 32, "d" * 16)
FIRST = Context("11111111222243338444555555555555", "1111111122224333")


def app(public: bool) -> FastAPI:
    made = FastAPI()
    install_error_handlers(made)
    made.add_middleware(request_tracing.RequestTracing, public=public)
    routes = APIRouter(prefix="/api")

    @routes.post("/batches")
    def upload(request: Request) -> dict[str, str]:
        request_tracing.mark_created(request, UUID(BATCH))
        return {}

    @routes.post("/batches/{batch_id}/child-batches")
    def derive(request: Request, batch_id: UUID) -> dict[str, str]:
        request_tracing.mark_created(request, CHILD)
        return {}

    @routes.post("/batches/{batch_id}/approve")
    def approve(batch_id: str, answer: str = "") -> dict[str, str]:
        if answer == "404":
            raise Problem(404, "batch.unknown", "There is none.", "Look.")
        if answer == "500":
            raise RuntimeError("Jane's loan 0012345678")
        return request_tracing.outgoing_headers()

    @routes.post("/kill-switch")
    def turn(answered: str = "") -> dict[str, str]:
        request_tracing.link_response(answered or None)
        return request_tracing.outgoing_headers()

    @routes.get("/batches/{batch_id}")
    def look(batch_id: str) -> dict[str, str]:
        return request_tracing.outgoing_headers()

    made.include_router(routes)
    return made


def ask(
    public: bool, method: str, path: str, caller: str = CALLER.header(), token: bool = True
) -> httpx.Response:
    async def work() -> httpx.Response:
        transport = httpx.ASGITransport(app(public), raise_app_exceptions=False)
        headers = {"traceparent": caller} | ({TOKEN: "secret"} if token else {})
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, "/api" + path, headers=headers)

    return asyncio.run(work())


class TestService:
    def test_an_upload_is_the_first_span_of_its_batch_and_linked_to_who_asked(
        self, recorded: RecordedSpans
    ) -> None:
        answer = ask(False, "POST", "/batches?filename=Jane.xml")
        (span,) = recorded.spans
        assert (span.name, span.kind, span.at, span.parent, span.links) == (
            "POST /api/batches",
            "server",
            FIRST,
            None,
            (CALLER,),
        )
        assert answer.headers["traceresponse"] == FIRST.header()
        assert span.attributes == {
            "http.request.method": "POST",
            "http.route": "/api/batches",
            "http.response.status_code": 200,
            "paydown.batch_id": BATCH,
        }

    def test_a_child_batch_has_a_trace_of_its_own_and_is_linked_to_its_parent(
        self, recorded: RecordedSpans
    ) -> None:
        ask(False, "POST", f"/batches/{BATCH}/child-batches")
        (span,) = recorded.spans
        assert (span.at, span.parent, span.links) == (batch_root(CHILD), None, (CALLER, FIRST))

    def test_an_order_about_a_batch_is_in_its_trace(self, recorded: RecordedSpans) -> None:
        answer = ask(False, "POST", f"/batches/{BATCH}/approve")
        (span,) = recorded.spans
        assert (span.at.trace, span.parent, span.links, span.error) == (
            FIRST.trace,
            FIRST,
            (CALLER,),
            "",
        )
        assert span.name == "POST /api/batches/{batch_id}/approve"
        assert answer.headers["traceresponse"] == span.at.header()

    def test_what_is_about_no_batch_stays_in_the_callers_trace(
        self, recorded: RecordedSpans
    ) -> None:
        for path in (
            "/kill-switch",
            f"/batches/{BATCH}/approve?answer=404",
            "/batches/none/approve",
        ):
            assert "traceresponse" not in ask(False, "POST", path).headers
        assert [(span.at.trace, span.parent, span.links) for span in recorded.spans] == [
            (CALLER.trace, CALLER, ())
        ] * 3

    def test_a_bug_is_an_error_without_its_words(self, recorded: RecordedSpans) -> None:
        ask(False, "POST", f"/batches/{BATCH}/approve?answer=500")
        (span,) = recorded.spans
        assert (span.error, span.attributes["http.response.status_code"]) == ("500", 500)
        assert "Jane" not in repr(span)

    def test_reading_and_calls_without_the_token_leave_no_span(
        self, recorded: RecordedSpans
    ) -> None:
        ask(False, "GET", f"/batches/{BATCH}")
        ask(False, "POST", f"/batches/{BATCH}/approve", token=False)
        assert recorded.spans == []

    def test_a_batch_outside_the_share_leaves_no_span(self) -> None:
        made = RecordedSpans()
        tracing.start(made, 0.0)
        ask(
            False,
            "POST",
            f"/batches/{BATCH}/approve",
            caller=CALLER._replace(sampled=False).header(),
        )
        tracing.stop()
        assert made.spans == []


class TestGateway:
    def test_it_is_in_the_callers_trace_and_passes_its_place_on(
        self, recorded: RecordedSpans
    ) -> None:
        passed_on = ask(True, "POST", "/kill-switch", token=False).json()
        (span,) = recorded.spans
        assert (span.at.trace, span.parent) == (CALLER.trace, CALLER)
        assert passed_on == {"traceparent": span.at.header()}

    def test_it_is_linked_to_the_place_in_the_services_answer(
        self, recorded: RecordedSpans
    ) -> None:
        ask(True, "POST", f"/kill-switch?answered={FIRST.header()}")
        ask(True, "POST", "/kill-switch?answered=nonsense")
        assert [span.links for span in recorded.spans] == [(FIRST,), ()]

    @pytest.mark.parametrize("caller", ["", "00-nonsense", f"00-{'0' * 32}-{'d' * 16}-01"])
    def test_without_a_callers_trace_it_has_its_own(
        self, recorded: RecordedSpans, caller: str
    ) -> None:
        found = [
            parse_header(ask(True, "POST", "/kill-switch", caller).json()["traceparent"])
            for _ in range(2)
        ]
        assert [span.parent for span in recorded.spans] == [None, None]
        assert len({one.trace for one in found if one}) == 2

    def test_a_caller_who_records_nothing_is_passed_on_and_not_recorded(
        self, recorded: RecordedSpans
    ) -> None:
        passed_on: Any = ask(
            True, "POST", "/kill-switch", CALLER._replace(sampled=False).header()
        ).json()
        place = parse_header(passed_on["traceparent"])
        assert place
        assert (place.trace, place.sampled) == (CALLER.trace, False)
        assert recorded.spans == []

    def test_when_off_nothing_is_passed_on(self) -> None:
        assert ask(True, "POST", "/kill-switch").json() == {}
