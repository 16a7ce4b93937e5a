"""The built files of the dashboard, as answers to browsers."""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response

from services.gateway.static_files.headers import html_response
from services.gateway.static_files.message_page import message_page

HASHED_PREFIX = "/assets/"  # vite puts a hash of the contents into the names of these files
FILE_MAX_BYTES = 20_000_000
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
    ".xml": "application/xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
COMPRESSED_TYPES = frozenset(
    {".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt", ".map", ".xml"}
)
NOT_BUILT = (
    "The system is up; its API answers at <code>/api/v1</code> of this address.",
    "The dashboard is not built here: it needs Node.js 20 or newer on this machine.",
    "Install Node.js, then run <code>make up</code> again: it builds and serves the dashboard.",
    "Payments do not depend on it: what was approved goes on.",
)


@dataclass(frozen=True)
class BuiltFile:
    """A built file, plain and compressed (b"" where compression does not help)."""

    content: bytes
    compressed: bytes


def dashboard_response(folder: Path, path: str, *, accepts_gzip: bool) -> Response | None:
    """The answer for a path of the dashboard; None if there is none.

    A file if there is one of this name; else the index page, which routes within the browser; a
    plain page if the dashboard is not built.
    """
    index = folder / "index.html"
    if not index.is_file():
        return message_page("paydown is up", NOT_BUILT, status=200 if path == "/" else 404)
    file = _find_file(folder, path)
    if file is None and (path.startswith(HASHED_PREFIX) or "." in path.rpartition("/")[2]):
        return None
    if file is None or file == index.resolve():
        return html_response(read_file(index).content)
    return _file_response(file, path, accepts_gzip=accepts_gzip)


def read_file(file: Path) -> BuiltFile:
    """A file, from memory while it is unchanged."""
    stat = file.stat()
    return _read_file(file, stat.st_mtime_ns, stat.st_size)


def _file_response(file: Path, path: str, *, accepts_gzip: bool) -> Response:
    built = read_file(file)
    is_hashed = path.startswith(HASHED_PREFIX)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_hashed else "no-cache",
        "Content-Type": MEDIA_TYPES.get(file.suffix, "application/octet-stream"),
    }
    if file.suffix in COMPRESSED_TYPES:
        headers["Vary"] = "Accept-Encoding"
    if accepts_gzip and built.compressed:
        return Response(built.compressed, headers={**headers, "Content-Encoding": "gzip"})
    return Response(built.content, headers=headers)


def _find_file(folder: Path, path: str) -> Path | None:
    """A file inside the folder. Neither `..` nor a symbolic link leads out of it."""
    try:
        found = (folder / path.lstrip("/")).resolve()
        is_inside = found.is_relative_to(folder.resolve()) and found.is_file()
    except (OSError, ValueError):
        return None
    return found if is_inside else None


@lru_cache(maxsize=256)
def _read_file(file: Path, _modified_ns: int, size: int) -> BuiltFile:
    content = file.read_bytes() if size <= FILE_MAX_BYTES else b""
    is_compressed = file.suffix in COMPRESSED_TYPES
    return BuiltFile(content, gzip.compress(content, 9, mtime=0) if is_compressed else b"")
