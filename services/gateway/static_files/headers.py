"""The security headers of every answer, and how pages and data differ in them."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Send

NONCE_PLACEHOLDER = b"__NONCE__"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DATA_POLICY = "; ".join(
    ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'")
)
PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)


def html_response(page: bytes, status: int = 200) -> Response:
    """A page. Its styles carry a nonce that is new in every answer (Content Security Policy)."""
    nonce = secrets.token_urlsafe(18)
    headers = {
        "Content-Security-Policy": PAGE_POLICY.format(nonce=nonce),
        "Cache-Control": "no-store",
        "Content-Type": "text/html; charset=utf-8",
    }
    return Response(page.replace(NONCE_PLACEHOLDER, nonce.encode()), status, headers)


def with_security_headers(send: Send) -> Send:
    """An ASGI `send` that adds the headers of every answer.

    A content policy or cache rule that the answer has set itself is kept.
    """

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", DATA_POLICY)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
