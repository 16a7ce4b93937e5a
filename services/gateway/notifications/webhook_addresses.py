"""Which addresses an outgoing webhook may have. A webhook must reach nothing inside a network.

A URL is checked when it is entered, and the addresses of its name before each call. Pure.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import httpx

URL_MAX: Final = 500
#: Ranges through which an IPv6 address reaches an IPv4 one: NAT64, and its local form.
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def why_no_url(url: str, *, allow_http: bool, allow_private: bool) -> str:
    """Why a webhook cannot have this URL, as a sentence; "" if it can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "This is not a URL."
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return f"A URL has at most {URL_MAX} printable ASCII characters."
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        return "The URL must begin with https://."
    if not host or port == 0 or not _can_be_looked_up(host):
        return "The URL must name a host."
    if parts.username is not None or parts.fragment:
        return "The URL may hold neither a password nor a fragment."
    if not allow_private and (host == "localhost" or _is_private_literal(host)):
        return "The URL names an address inside a network."
    return ""


def is_public_address(text: str) -> bool:
    """Whether an IP address is one of the public internet; False for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public_address(str(inner))
        if address.teredo is not None or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _can_be_looked_up(host: str) -> bool:
    """Whether the resolver and the HTTP client take the name: labels of 1 to 63 characters."""
    try:
        host.encode("idna")  # as the resolver does
        httpx.URL(scheme="https", host=host)
    except (UnicodeError, httpx.InvalidURL):
        return False
    return True


def _is_private_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public_address(host)
