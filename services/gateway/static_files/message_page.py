"""Small HTML pages of the gateway itself: sign-in problems, and a dashboard that is not built."""

import html
from collections.abc import Iterable

from starlette.responses import Response

from services.gateway.static_files.headers import html_response

STYLE = (
    ":root { color-scheme: light dark } "
    "body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; "
    "margin: 12vh auto; padding: 0 1rem } "
    "code { font-size: .95em } "
    "a { color: inherit }"
)
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{title}</title>'
    '<style nonce="__NONCE__">{style}</style></head>'
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)


def message_page(title: str, paragraphs: Iterable[str], status: int = 200) -> Response:
    """A page with a title and paragraphs. The title is text; the paragraphs are HTML."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    page = PAGE.format(title=html.escape(title), style=STYLE, body=body)
    return html_response(page.encode(), status)
