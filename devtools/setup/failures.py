"""Failures of pip, npm and downloads in words: what happened, and what to do about it."""

import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PYTHON_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?")
PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
NETWORK = {
    "the proxy does not let it through": (
        "ProxyError",
        "[Cc]annot connect to proxy",
        "Tunnel connection failed",
    ),
    "no network: names of servers cannot be resolved": (
        "name resolution",
        "Name or service not known",
        "nodename nor servname",
        "NameResolutionError",
        "getaddrinfo",
        "ENOTFOUND",
        "EAI_AGAIN",
    ),
    "the network has stalled: nothing arrived": ("[Tt]imed? ?out", "ETIMEDOUT", "ESOCKETTIMEDOUT"),
    "no network: the server cannot be reached": (
        "Network is unreachable",
        "No route to host",
        "ENETUNREACH",
        "EHOSTUNREACH",
    ),
    "the connection was refused": ("Connection refused", "ECONNREFUSED"),
    "the connection was cut": (
        "Connection (reset|aborted|broken)",
        "ECONNRESET",
        "IncompleteRead",
        "Remote end closed",
        "socket hang up",
    ),
}
TRUST = (
    "the server's certificate is not trusted; install the package ca-certificates, and where a "
    "proxy reads the traffic name its certificate in SSL_CERT_FILE, PIP_CERT and "
    "NODE_EXTRA_CA_CERTS"
)
WRONG = (
    "a file is not the one whose hash is locked; it was not installed. Its download was cut off, "
    "or a mirror serves something else; run it again"
)
OTHERS = {
    TRUST: (
        "CERTIFICATE_VERIFY_FAILED",
        "SELF_SIGNED_CERT",
        "UNABLE_TO_GET_ISSUER_CERT",
        "unable to get local issuer",
        "Could not find a suitable TLS CA",
    ),
    "the disk is full; make room and run it again": (
        "No space left on device",
        "ENOSPC",
        "Disk quota exceeded",
    ),
    WRONG: ("DO NOT MATCH THE HASHES", "EINTEGRITY", "wrong SHA-256"),
    "files of the checkout belong to another user": ("Permission denied", "EACCES"),
}

NO_BUILD = {  # pip also says so where the network has failed, after the other errors
    "the index lists no build of {what} for this Python and machine, or its answer was cut off": (
        r"\(from versions: none\)(?s:.*)No matching distribution found for (?P<what>[^\s;]+)",
    ),
    "there is no build of {what} for this Python and machine": (
        r"No matching distribution found for (?P<what>[^\s;]+)",
    ),
}


def is_network(text: str) -> bool:
    """Whether trying again may help."""
    return not _words(OTHERS, text) and bool(_words(NETWORK, text))


def explain(text: str) -> str:
    """What went wrong, in one sentence: from all that a program has printed."""
    text = COLOUR.sub("", text)
    if words := _words(OTHERS, text):
        return words
    if words := _words(NETWORK, text):
        return f"{words} ({proxy() or 'no proxy is set'})"
    if words := _words(NO_BUILD, text):
        return words
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if "ERROR" in line.upper()), (lines or ["it failed"])[-1])
    return PYTHON_OBJECT.sub("", said)[:300]


def _words(table: Mapping[str, Sequence[str]], text: str) -> str:
    for words, patterns in table.items():
        for pattern in patterns:
            if found := re.search(pattern, text):
                return words.format(**found.groupdict())
    return ""


def proxy() -> str:
    """The proxy that is set, without its password; "" if there is none."""
    for name in PROXIES:
        if value := os.environ.get(name):
            parts = urlsplit(value if "://" in value else f"//{value}")
            port = f":{parts.port}" if parts.port else ""
            return f"by the proxy {parts.hostname or value}{port} of {name}"
    return ""
