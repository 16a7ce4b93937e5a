"""What reports reads at start."""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.runtime.settings import ServiceSettings


class ReportsSettings(ServiceSettings):
    """PAYDOWN_REPORTS_*; README.md says what each one costs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_REPORTS_")

    port: int = Field(default=8105, gt=0, lt=65_536)
    seal_keys: str = Field(description="id:base64key[,…]; opens the names printed in payments.csv")
    live: Literal["faust", "sql"] = "faust"
    certificate_wait_s: float = Field(
        default=10.0,
        ge=0,
        le=60,
        description="how long a final batch's report waits for its certificate",
    )

    @field_validator("seal_keys")
    @classmethod
    def _usable(cls, text: str) -> str:
        FieldCipher.parse(text)
        return text
