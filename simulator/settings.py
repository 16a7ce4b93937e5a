"""The simulator's settings, read once at start from PAYDOWN_SIMULATOR_*."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import Settings


class SimulatorSettings(Settings):
    """README.md says what each one does."""

    model_config = SettingsConfigDict(env_prefix="PAYDOWN_SIMULATOR_")

    host: str = Field(
        default="127.0.0.1",
        description="0.0.0.0 only in a container, in a network of the services alone",
    )
    port: int = Field(default=8200, gt=0, lt=65_536)
    books: Path = Field(
        default=Path(".run/simulator.sqlite"),
        description="the SQLite file; it is created if it does not exist",
    )
    profile: Literal["demo", "legacy", "current"] = "demo"
    seed: int = Field(
        default=0, description="of webhook shuffling; faults and outcomes bring their own"
    )
    zip_check: bool = Field(
        default=True, description="refuse an address whose zip is not in its state"
    )
    duplicate_entities: Literal["allow", "reject"] = "allow"
    duplicate_accounts: Literal["new", "existing"] = "new"
    key_mismatch: Literal["replay", "409", "422"] = Field(
        default="replay", description="same idempotency key, other body"
    )
    key_retention_s: float = Field(
        default=86_400.0,
        gt=0,
        description="simulated seconds until the stored answer of an idempotency key is forgotten",
    )
    nsf_limit: int = Field(
        default=3, gt=0, description="failures 10001 with effects that disable a source"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
