"""Which gateway is called, and with whose token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cli.errors import CommandError

DEFAULT_URL = "http://127.0.0.1:8080"
TOKEN_MAX = 4_096  # bytes


@dataclass(frozen=True)
class GatewaySettings:
    """The address of a gateway, without a slash at the end, and a token for it."""

    url: str
    token: str = field(repr=False)


def read_settings(environ: Mapping[str, str], token_file: Path | None) -> GatewaySettings:
    """The settings of the environment.

    The token is never an argument: every user of the machine can read the arguments of a process.

    Args:
        environ: PAYDOWN_URL (default: this machine's port 8080) and PAYDOWN_TOKEN.
        token_file: a file that holds the token, used in place of PAYDOWN_TOKEN.

    Raises:
        CommandError: there is no token, or two, or the token would travel unencrypted.
    """
    url = (environ.get("PAYDOWN_URL") or DEFAULT_URL).rstrip("/")
    _check_url(url)
    token = environ.get("PAYDOWN_TOKEN", "").strip()
    if token and token_file:
        raise CommandError(
            "Both PAYDOWN_TOKEN and a token file are given.", "Give one of the two, not both."
        )
    if token_file:
        token = _read_token(token_file)
    if not token:
        raise CommandError(
            "There is no token.",
            "Set PAYDOWN_TOKEN, or name a file that holds it: PAYDOWN_TOKEN_FILE or --token-file. "
            "An administrator makes tokens in the dashboard, under Settings.",
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise CommandError("The token is not one.", "Copy the token again, without other text.")
    return GatewaySettings(url, token)


def _read_token(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(TOKEN_MAX).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise CommandError(
            f"The token file {file} cannot be read: {reason}.", "Name a readable file."
        ) from None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.username:
        raise CommandError(
            "PAYDOWN_URL is not the address of a gateway.",
            "Give it as https://paydown.example.com, without a name, a password or a query.",
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise CommandError(
            "PAYDOWN_URL begins with http:, so the token would travel unencrypted.",
            "Use the gateway's https: address. http: is allowed for this machine only.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
