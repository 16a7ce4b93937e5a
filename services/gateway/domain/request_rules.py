"""Limits and origins of requests: body sizes, calls from other sites, redirects after sign-in."""

from collections.abc import Mapping
from typing import Final

#: The largest body of a request in bytes, where BODY_LIMITS has no other limit.
BODY_MAX_BYTES: Final = 64_000
#: (method, path) -> the largest body in bytes. None: an upload route counts while it streams.
BODY_LIMITS: Final[Mapping[tuple[str, str], int | None]] = {
    ("POST", "/batches"): None,
    ("POST", "/batches/{batch_id}/mended-rows"): None,
    # Up to ten thousand excluded rows to include, each with its reason.
    ("POST", "/batches/{batch_id}/approve"): 6_000_000,
    ("POST", "/batches/{batch_id}/corrections"): 1_000_000,  # a thousand fields
    ("POST", "/finance/mapping"): 1_000_000,  # two thousand accounts
    ("POST", "/finance/bank-statement"): 10_000_000,  # fifty thousand lines
    ("POST", "/batches/{batch_id}/decisions"): 1_000_000,  # ten thousand row ids, or 200 reasons
    ("POST", "/batches/{batch_id}/child-batches"): 64_000_000,  # a million row ids
}


def is_same_origin(fetch_site: str | None, origin: str | None, host: str | None) -> bool | None:
    """Whether a browser sent a request from one of our own pages; None if that is unknown.

    It is unknown where both headers are missing: then no current browser sent the request.

    Args:
        fetch_site: Sec-Fetch-Site. No page can set it, so it decides where it is present.
        origin: Origin, compared with `host`.
        host: Host, the name the request was sent to.
    """
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is not None:
        return host is not None and origin.partition("://")[2].lower() == host.lower()
    return None


def safe_redirect(path: str) -> str:
    """The path to open after a sign-in: `path` if it is one of this site, else "/"."""
    is_own_path = (
        path.startswith("/")
        and path.isascii()
        and path.isprintable()
        and not path.startswith(("//", "/\\"))
    )
    return path if is_own_path else "/"
