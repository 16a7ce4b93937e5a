"""PAYDOWN_DISPATCHER_*: how to reach the provider, how fast to call it, and how long to wait."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import ServiceSettings
from services.dispatcher.domain.protocol import Timing

DEFAULT_TIMING = Timing()
#: For the simulator on this machine only: the same protocol with short waits.
FAST_TIMING = Timing(
    timeout_s=6.0,
    resend_after_s=0.0,
    resend_until_s=72_000.0,
    grace_s=5.0,
    lookup_every_s=2.0,
    later_s=1.0,
    poll_s=2.0,
    watch_s=600.0,
    quiet_s=0.5,
    statement_again_s=8.0,
    duplicates_every_s=60.0,
)
PROVIDER_DOMAIN = "methodfi.com"
TRUSTED = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}=sha256:[0-9a-f]{64}"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class DispatcherSettings(ServiceSettings):
    """Settings, read once at start. The demo profile is refused unless the provider is local."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_DISPATCHER_")

    port: int = Field(default=8102, gt=0, lt=65_536)
    provider_url: str = "http://127.0.0.1:8200"
    provider_key: str = Field(min_length=3, description="sk_…; never logged")
    provider_environment: Literal["", "simulator", "dev", "sandbox", "production"] = Field(
        default="",
        description="which of the provider's environments the key is of; it must be the address's",
    )
    provider_version: str = "2025-07-04"
    profile: Literal["current", "legacy", "demo"] = "current"
    simulator_host: str = Field(
        default="",
        pattern="^[a-z0-9_-]*$",
        description="in containers: the simulator's name, which counts as local",
    )
    webhook_url: str = ""
    webhook_secret: str = ""
    seal_keys: str = Field(description="id:base64key[,id:base64key]")
    concurrency: int = Field(default=8, ge=1, le=64, description="calls in flight at once")
    preflight_limit_s: float = Field(default=30.0, gt=0, le=600)
    payments_per_min: int = Field(default=0, ge=0, description="0: the profile's")
    requests_per_min: int = Field(default=0, ge=0, description="0: the profile's")

    trusted_approvals: str = Field(
        default="",
        pattern=f"^({TRUSTED}(,{TRUSTED})*)?$",
        description="batch id=digest of its payments[,…]: approvals from before approvals were "
        "signed or covered payments, for which two people vouch",
    )

    @model_validator(mode="after")
    def _refuse_another_environment(self) -> Self:
        host = urlsplit(self.provider_url).hostname or ""
        subdomain, _, domain = host.partition(".")
        found = subdomain if domain == PROVIDER_DOMAIN else "simulator"
        if self.provider_environment and self.provider_environment != found:
            raise ValueError(
                f"the key is of {self.provider_environment}, and the address of {found}: "
                "nothing is sent to another environment than the one that is meant"
            )
        if found == "production" and not self.provider_environment:
            raise ValueError(
                "the address is the provider's production: set "
                "PAYDOWN_DISPATCHER_PROVIDER_ENVIRONMENT=production to say that this is meant"
            )
        return self

    @model_validator(mode="after")
    def _refuse_short_waits_elsewhere(self) -> Self:
        # A name without a dot is one of a network of containers, never the provider's.
        host = urlsplit(self.provider_url).hostname or ""
        is_local = host in LOOPBACK or (bool(self.simulator_host) and host == self.simulator_host)
        is_test_provider = "dev.methodfi" in self.provider_url
        if self.profile == "demo" and not is_local:
            raise ValueError(
                "the demo profile is for the simulator on this machine; "
                "use current or legacy for a provider elsewhere"
            )
        if not (is_test_provider or is_local or self.provider_url.startswith("https://")):
            raise ValueError("a provider elsewhere is reached by https only")
        return self

    @property
    def trusted(self) -> frozenset[str]:
        """Payments for which people vouch, as `batch id=digest of its payments`."""
        return frozenset(filter(None, self.trusted_approvals.split(",")))

    @property
    def timing(self) -> Timing:
        """The waits of the protocol."""
        return FAST_TIMING if self.profile == "demo" else DEFAULT_TIMING
