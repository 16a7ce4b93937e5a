"""A file that a service makes, sent on while it is made."""

from contextlib import AsyncExitStack

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from services.gateway.request_guard.responses import relayed
from services.gateway.upstream import Call, Upstream

TIMEOUT_S = 120.0
RELAYED_HEADERS = ("content-disposition", "content-length", "content-encoding")


async def stream_file(upstream: Upstream, call: Call) -> Response:
    """The file, or the service's refusal."""
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(upstream.stream(call))
        if answer.status_code >= 400:
            await answer.aread()
            return relayed(answer)
        # The connection to the service stays open until the last byte is sent on.
        close = BackgroundTask(stack.pop_all().aclose)
        return StreamingResponse(
            answer.aiter_raw(),
            media_type=answer.headers.get("content-type"),
            headers={n: answer.headers[n] for n in RELAYED_HEADERS if n in answer.headers},
            background=close,
        )
