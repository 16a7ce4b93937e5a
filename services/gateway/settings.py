"""Settings of the gateway (PAYDOWN_GATEWAY_*), and the checks of its sign-in at start."""

import ipaddress
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, Json, field_validator
from pydantic_settings import SettingsConfigDict

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.runtime.settings import ServiceSettings
from services.gateway.domain.access import Role
from services.gateway.domain.step_up import StepUpPolicy

LIVE_PROVIDER_HOSTS = frozenset({"production.methodfi.com", "sandbox.methodfi.com"})
PROVIDER_URL = "PAYDOWN_DISPATCHER_PROVIDER_URL"
DASHBOARD = Path(__file__).parents[2] / "dashboard" / "dist"
PROVIDER_ZONE = ZoneInfo("America/Chicago")
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
    oidc_acr: str = Field(
        default="", description="acr values, with spaces; a sign-in must have one of them"
    )
    step_up_acr: str = Field(
        default="", description="the same for a sign-in that acts about money demand"
    )
    step_up_over_cents: int = Field(
        default=1_000_000,
        ge=0,
        description="approving more demands that the person has signed in lately",
    )
    step_up_max_age_s: int = Field(
        default=300, ge=0, le=28_800, description="how many seconds ago; 0: not demanded"
    )
    roles_max_age_s: int = Field(
        default=300,
        ge=30,
        le=28_800,
        description="how old the provider's word about a person may be; when money moves it is "
        "asked anew, if it gives a refresh token to ask with",
    )
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
    sessions_max: int = Field(
        default=10, ge=1, le=100, description="sessions of one person; the oldest one ends"
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
    seal_keys: str = Field(
        default="",
        repr=False,
        description="id:base64key[,…]; encrypts addresses and secrets of notifications",
    )
    message_services: Json[dict[str, str]] = Field(
        default="{}",
        validate_default=True,
        repr=False,
        description='e-mail and chat by Apprise URL, {"name": "url"}; {address} in a URL is '
        "where each person's own address goes",
    )
    webhook_http: bool = Field(default=False, description="webhooks may go to http:// as well")
    webhook_private: bool = Field(
        default=False, description="webhooks may go to addresses inside the network"
    )
    notify_every_s: int = Field(
        default=15, ge=1, le=600, description="seconds between two looks for something to tell"
    )
    remind_h: int = Field(
        default=24, ge=0, le=720, description="hours after which an approval is reminded of; 0: not"
    )
    provider_cut_off: time = Field(
        default=time(13, 30),
        description="until when the provider takes payments of a business day, US Central time; "
        "starts that are offered lie three hours before",
    )
    failure_share: int = Field(
        default=5, ge=1, le=100, description="per cent of failed payments that are told of"
    )

    @field_validator("seal_keys")
    @classmethod
    def _are_keys(cls, text: str) -> str:
        if text:
            FieldCipher.parse(text)
        return text

    @property
    def acr_of_sign_in(self) -> tuple[str, ...]:
        """How strong a sign-in must be; empty: any."""
        return tuple(self.oidc_acr.split())

    @property
    def acr_of_step_up(self) -> tuple[str, ...]:
        """How strong a sign-in must be before money moves; empty: as any other."""
        return tuple(self.step_up_acr.split()) or self.acr_of_sign_in

    @property
    def step_up(self) -> StepUpPolicy:
        """When money moves, how recent and how strong a sign-in must be."""
        return StepUpPolicy(self.step_up_over_cents, self.step_up_max_age_s, self.acr_of_step_up)

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
