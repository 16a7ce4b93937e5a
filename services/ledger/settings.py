"""PAYDOWN_LEDGER_*: what the ledger reads at start."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import ServiceSettings


class LedgerSettings(ServiceSettings):
    """The common settings, the ledger's port, and how long something may wait before it is a break."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_LEDGER_")

    port: int = Field(default=8104, gt=0, lt=65_536)
    waiting_max_s: int = Field(
        default=900,
        gt=0,
        le=86_400,
        description="anything that waits longer for what it needs is a break",
    )
