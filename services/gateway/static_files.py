"""What a browser sees that is no data: the dashboard's built files, two plain pages, and the headers that guard every answer."""

import asyncio
import gzip
import html
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.web.problem_details import Problem, problem_response
from services.gateway.settings import is_loopback

NONCE_PLACE = b"__NONCE__"
API = ("/api", "/health", "/metrics", "/openapi.json")  # never a page
PROBES = ("/health", "/metrics")
HASHED = "/assets/"  # vite names what lies here by its contents
FILE_MAX = 20_000_000
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
ZIPPED = frozenset({".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt", ".map"})
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOR_DATA = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FOR_PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)
STYLE = """:root { color-scheme: light dark } body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 12vh auto; padding: 0 1rem }
code { font-size: .95em } a { color: inherit }"""
NOT_BUILT = (
    "The system is up; its API answers at <code>/api/v1</code> of this address.",
    "The dashboard is not built here: it needs Node.js 20 or newer on this machine.",
    "Install Node.js, then run <code>make up</code> again: it builds the dashboard and shows it at this address.",
    "Payments do not depend on it: what was approved goes on.",
)


@dataclass(frozen=True)
class File:
    """A built file, as it is and compressed (nothing where that is no use)."""

    content: bytes
    zipped: bytes


class Front:
    """Answers browsers that ask for a page, passes everything else on, and adds the headers to all of it.

    `own_names_only`: refuse requests sent to any name but this machine's own. With tokens that everybody knows, a page of the
    internet could else have its name point here and speak as one of the demo people.
    """

    def __init__(self, app: ASGIApp, dist: Path, *, own_names_only: bool) -> None:
        self.app, self.dist, self.own_names_only = app, dist, own_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path: str = scope["path"]
        if (
            self.own_names_only
            and not path.startswith(PROBES)
            and not named_locally(request.headers.get("host", ""))
        ):
            problem = Problem(
                400,
                "host.unknown",
                "Demo sign-in answers only on this machine's own names.",
                "Use http://127.0.0.1 or http://localhost.",
            )
            await problem_response(request, problem)(scope, receive, guarded(send))
        elif request.method in ("GET", "HEAD") and not within(path, API):
            response = await asyncio.to_thread(
                self.page, path, "gzip" in request.headers.get("accept-encoding", "")
            )
            await (
                response
                or problem_response(
                    request,
                    Problem(404, "not-found", "There is nothing of this name.", "Check the name."),
                )
            )(scope, receive, guarded(send))
        else:
            await self.app(scope, receive, guarded(send))

    def page(self, path: str, zip_it: bool = False) -> Response | None:
        """The dashboard's file of this path, its index for a path of the dashboard's own, a plain page where it is not built; else None."""
        index = self.dist / "index.html"
        if not index.is_file():
            return plain("paydown is up", NOT_BUILT, status=200 if path == "/" else 404)
        file = self._file(path)
        if file is None and (path.startswith(HASHED) or "." in path.rpartition("/")[2]):
            return None
        if file is None or file == index.resolve():
            return with_nonce(read(index).content)
        found = read(file)
        cached = "public, max-age=31536000, immutable" if path.startswith(HASHED) else "no-cache"
        headers = {
            "Cache-Control": cached,
            "Content-Type": TYPES.get(file.suffix, "application/octet-stream"),
        }
        if file.suffix in ZIPPED:
            headers["Vary"] = "Accept-Encoding"
        if zip_it and found.zipped:
            return Response(found.zipped, headers={**headers, "Content-Encoding": "gzip"})
        return Response(found.content, headers=headers)

    def _file(self, path: str) -> Path | None:
        """A file of the dashboard; never one beside it, also not by a link."""
        try:
            found = (self.dist / path.lstrip("/")).resolve()
            inside = found.is_relative_to(self.dist.resolve()) and found.is_file()
        except (OSError, ValueError):
            return None
        return found if inside else None


def read(file: Path) -> File:
    """A file, from memory while it is unchanged."""
    about = file.stat()
    return _read(file, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=256)
def _read(file: Path, _changed: int, size: int) -> File:
    content = file.read_bytes() if size <= FILE_MAX else b""
    return File(content, gzip.compress(content, 9, mtime=0) if file.suffix in ZIPPED else b"")


def with_nonce(page: bytes) -> Response:
    """A page whose styles count by a nonce of this one answer."""
    nonce = secrets.token_urlsafe(18)
    headers = {
        "Content-Security-Policy": FOR_PAGES.format(nonce=nonce),
        "Cache-Control": "no-store",
        "Content-Type": TYPES[".html"],
    }
    return Response(page.replace(NONCE_PLACE, nonce.encode()), headers=headers)


def plain(title: str, paragraphs: Iterable[str], status: int = 200) -> Response:
    """A small page of ours; the paragraphs are HTML, the title is text."""
    said = html.escape(title)
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{said}</title>'
        f'<style nonce="__NONCE__">{STYLE}</style></head><body><main><h1>{said}</h1>{body}</main></body></html>'
    )
    response = with_nonce(page.encode())
    response.status_code = status
    return response


def guarded(send: Send) -> Send:
    """The same way out, with the headers every answer has; those an answer has set itself stay."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", FOR_DATA)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def within(path: str, prefixes: Iterable[str]) -> bool:
    """Whether a path is one of these, or below one."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def named_locally(host: str) -> bool:
    """Whether a request was sent to a name of this machine itself (Host, with or without a port)."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
