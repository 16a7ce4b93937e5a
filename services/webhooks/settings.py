"""The settings of webhooks, read once at start from PAYDOWN_WEBHOOKS_*."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import ServiceSettings


class WebhooksSettings(ServiceSettings):
    """The common settings, and those of webhooks. README.md says what each one costs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_WEBHOOKS_")
    port: int = Field(default=8103, gt=0, lt=65_536)
    secret: str = Field(
        min_length=16,
        description="shared with the provider; the key of every signature",
    )
    previous_secret: str = Field(
        default="", description="the secret before; accepted for an hour after the change"
    )
    freshness_s: int = Field(
        default=300,
        gt=0,
        le=3_600,
        description="how far a delivery's timestamp may be from our clock",
    )
    gather_max: int = Field(
        default=200, gt=0, le=5_000, description="deliveries committed together at most"
    )
    security_events_max: int = Field(
        default=10_000,
        gt=0,
        le=1_000_000,
        description="rejected deliveries stored; the oldest are deleted",
    )
