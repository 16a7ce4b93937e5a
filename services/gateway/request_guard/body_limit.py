"""The limit on the size of a request's body."""

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message


def limit_body(request: Request, max_bytes: int | None) -> Request:
    """The request, with a body that cannot be read beyond `max_bytes` (None: without a limit).

    The framework's own limit replaces the answer after the route has done its work. Here nothing
    is done for a body that declares itself too large.

    Raises:
        HTTPException: 413, at once if Content-Length says so, else while the body is read.
    """
    if max_bytes is None:
        return request
    too_large = HTTPException(
        413,
        f"The body of this request may have {max_bytes} bytes; nothing was done.",
        {"Connection": "close"},
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise too_large
        return message

    return Request(request.scope, receive)
