"""PAYDOWN_GATEWAY_*: what the one public door reads at start."""

import ipaddress
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.settings import ServiceSettings, SettingsError

LIVE_PROVIDER_HOSTS = frozenset({"production.methodfi.com", "sandbox.methodfi.com"})
PROVIDER_URL = "PAYDOWN_DISPATCHER_PROVIDER_URL"


class GatewaySettings(ServiceSettings):
    """PAYDOWN_GATEWAY_*; README.md says what each one costs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_GATEWAY_")
    port: int = Field(default=8080, gt=0, lt=65_536)
    auth_mode: Literal["demo"] = Field(default="demo", description="demo: five built-in people with tokens everybody knows")
    ingest_url: str = "http://127.0.0.1:8101"
    dispatcher_url: str = "http://127.0.0.1:8102"
    webhooks_url: str = "http://127.0.0.1:8103"
    ledger_url: str = "http://127.0.0.1:8104"
    reports_url: str = "http://127.0.0.1:8105"
    upload_max_bytes: int = Field(default=1_000_000_000, gt=0, description="of an upload on the wire; more is 413")
    call_timeout_s: int = Field(default=30, gt=0, le=120, description="how long a service may be silent before it is 504")
    upload_timeout_s: int = Field(default=300, gt=0, le=3_600, description="likewise for an upload, once its last byte was passed on")
    streams_max: int = Field(default=200, gt=0, le=5_000, description="live streams at once")


def check_demo(settings: GatewaySettings, environment: Mapping[str, str]) -> None:
    """Refuse demo sign-in where it would let strangers in, or where real money could move.

    Raises:
        SettingsError: the host is not this machine's own, or the provider is one that moves money.
    """
    if settings.auth_mode == "demo" and not is_loopback(settings.host):
        raise SettingsError("PAYDOWN_GATEWAY_AUTH_MODE=demo has tokens everybody knows: PAYDOWN_GATEWAY_HOST must be 127.0.0.1.")
    provider = urlsplit(environment.get(PROVIDER_URL, "")).hostname or ""
    if settings.auth_mode == "demo" and provider in LIVE_PROVIDER_HOSTS:
        raise SettingsError(f"PAYDOWN_GATEWAY_AUTH_MODE=demo is refused while {PROVIDER_URL} is one that moves money.")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
