"""Settings of the gateway (PAYDOWN_GATEWAY_*), and the checks of its sign-in at start."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, Json
from pydantic_settings import SettingsConfigDict

from libs.common.contracts.errors import SettingsError
from libs.common.runtime.settings import ServiceSettings
from services.gateway.domain.access import Role

LIVE_PROVIDER_HOSTS = frozenset({"production.methodfi.com", "sandbox.methodfi.com"})
PROVIDER_URL = "PAYDOWN_DISPATCHER_PROVIDER_URL"
DASHBOARD = Path(__file__).parents[2] / "dashboard" / "dist"
PREFIX = "PAYDOWN_GATEWAY_"
OIDC_REQUIRED = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles")


class GatewaySettings(ServiceSettings):
    """PAYDOWN_GATEWAY_*; README.md says what each one costs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX)
    port: int = Field(default=8080, gt=0, lt=65_536)
    auth_mode: Literal["demo", "oidc"] = Field(
        default="demo", description="demo: five built-in people with tokens everybody knows"
    )
    published_host: str = Field(
        default="", description="in a container: the one address at which its port is published"
    )
    oidc_issuer: str = Field(
        default="", description="the identity provider's address, exactly as its tokens name it"
    )
    oidc_client_id: str = ""
    oidc_client_secret: str = Field(default="", repr=False)
    oidc_groups_claim: str = "groups"
    oidc_roles: Json[dict[str, Role]] = Field(
        default="{}",
        validate_default=True,
        description='the role of each group that has one, {"group": "role"}',
    )
    oidc_scope: str = "openid profile email"
    public_url: str = Field(
        default="",
        description="the address of this gateway for browsers; default: http://127.0.0.1:<port>",
    )
    session_idle_s: int = Field(
        default=1_800,
        ge=60,
        le=28_800,
        description="seconds without use after which a session ends",
    )
    session_max_s: int = Field(
        default=28_800,
        ge=60,
        le=86_400,
        description="seconds after which a session ends in any case",
    )
    calls_per_min: int = Field(
        default=3_000, gt=0, description="calls of one person, by any session or token; more is 429"
    )
    failures_per_min: int = Field(
        default=60, gt=0, description="failed sign-ins from one address; more is 429"
    )
    trusted_proxies: str = Field(
        default="",
        description="addresses of proxies, with commas, whose X-Forwarded-For names the caller",
    )
    dashboard_dir: Path = DASHBOARD
    ingest_url: str = "http://127.0.0.1:8101"
    dispatcher_url: str = "http://127.0.0.1:8102"
    webhooks_url: str = "http://127.0.0.1:8103"
    ledger_url: str = "http://127.0.0.1:8104"
    reports_url: str = "http://127.0.0.1:8105"
    upload_max_bytes: int = Field(
        default=1_000_000_000, gt=0, description="the largest upload as it is sent; more is 413"
    )
    call_timeout_s: int = Field(
        default=30, gt=0, le=120, description="seconds a service may take to answer; more is 504"
    )
    upload_timeout_s: int = Field(
        default=300,
        gt=0,
        le=3_600,
        description="the same for an upload, once its last byte is sent on",
    )
    streams_max: int = Field(default=200, gt=0, le=5_000, description="live streams at once")

    @property
    def public(self) -> str:
        """The address of this gateway for browsers, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"


def check_sign_in(settings: GatewaySettings, environment: Mapping[str, str]) -> None:
    """Refuse a sign-in that cannot work or is unsafe.

    Raises:
        SettingsError: as `check_demo` and `check_oidc`.
    """
    if settings.auth_mode == "demo":
        check_demo(settings, environment)
    else:
        check_oidc(settings)


def check_demo(settings: GatewaySettings, environment: Mapping[str, str]) -> None:
    """Refuse the demo sign-in where others could use it, or where real money could move.

    Raises:
        SettingsError: the host is not this machine's own, or the provider moves real money.
    """
    if not is_loopback(settings.published_host or settings.host):
        name = "PUBLISHED_HOST" if settings.published_host else "HOST"
        raise SettingsError(
            f"{PREFIX}AUTH_MODE=demo uses tokens that everybody knows, "
            f"so {PREFIX}{name} must be 127.0.0.1."
        )
    provider_host = urlsplit(environment.get(PROVIDER_URL, "")).hostname or ""
    if provider_host in LIVE_PROVIDER_HOSTS:
        raise SettingsError(
            f"{PREFIX}AUTH_MODE=demo is refused, because {PROVIDER_URL} is a provider "
            "that moves money."
        )


def check_oidc(settings: GatewaySettings) -> None:
    """Refuse an identity provider that is configured incompletely or without encryption.

    Raises:
        SettingsError: names the setting that is missing or wrong.
    """
    missing = [PREFIX + name.upper() for name in OIDC_REQUIRED if not getattr(settings, name)]
    if missing:
        raise SettingsError(f"{PREFIX}AUTH_MODE=oidc also needs {', '.join(missing)}.")
    for name, url in (("OIDC_ISSUER", settings.oidc_issuer), ("PUBLIC_URL", settings.public)):
        if not _is_confidential(url):
            raise SettingsError(
                f"{PREFIX}{name} must begin with https:// unless it is on this machine."
            )
    if not settings.public_url and not is_loopback(settings.host):
        raise SettingsError(
            f"{PREFIX}PUBLIC_URL is needed, because other machines can reach {PREFIX}HOST."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_confidential(url: str) -> bool:
    """Whether nobody on a network can read what is sent to an address."""
    address = urlsplit(url)
    return address.scheme == "https" or (
        address.scheme == "http" and is_loopback(address.hostname or "")
    )
