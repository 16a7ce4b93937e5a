"""The ledger's settings, read once at start from PAYDOWN_LEDGER_*."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import ServiceSettings


class LedgerSettings(ServiceSettings):
    """The common settings, and the ledger's own. README.md says what each one costs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_LEDGER_")

    port: int = Field(default=8104, gt=0, lt=65_536)
    waiting_max_s: int = Field(
        default=900,
        gt=0,
        le=86_400,
        description="seconds that a message may be missing before it is a break",
    )
