"""The parts of ASGI that the application uses: read a body, answer, cut a connection."""

from collections.abc import Awaitable, Callable
from typing import Any

from simulator.messages import Answer

# ASGI's own vocabulary: messages are dictionaries of every shape.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: The extension of a request under which the server puts the function that aborts its connection.
CUT = "paydown.cut"
BODY_MAX_BYTES = 1_000_000


async def read_body(receive: Receive) -> bytes | None:
    """The request's body; None if the client has gone or sends more than is allowed."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while (
        message["type"] == "http.request"
        and message.get("more_body")
        and len(body) <= BODY_MAX_BYTES
    ):
        message = await receive()
        body += message.get("body", b"")
    return body if message["type"] == "http.request" and len(body) <= BODY_MAX_BYTES else None


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut_connection(scope: Message, receive: Receive) -> None:
    """Close the connection without an answer."""
    scope["extensions"][CUT]()
    await wait_for_disconnect(receive)


async def respond(
    send: Send, answer: Answer, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Send an answer."""
    head = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *(headers or []),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    await send({"type": "http.response.body", "body": answer.body})
