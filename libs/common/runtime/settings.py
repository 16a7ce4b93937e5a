"""Settings: environment variables read once at start; a misspelt one stops the start."""

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.messaging.address import KafkaAddress

FILE = "_FILE"


class SettingsError(Exception):
    """The environment cannot be used; the message is one sentence a person can act on."""


class Settings(BaseSettings):
    """Base of every service's settings; a subclass sets `env_prefix`, for example `PAYDOWN_LEDGER_`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    @classmethod
    def settings_customise_sources(  # type: ignore[override] # the sources we do not want stay unnamed
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read` gives: the process's environment must not fill what a given one leaves out."""
        return (init_settings,)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings of this process.

        Raises:
            SettingsError: a variable with our prefix is unknown, missing or out of range; it names the variable, never its value.
        """
        prefix = cls.model_config["env_prefix"]
        source = from_files(
            os.environ if environment is None else environment, prefix, set(cls.model_fields)
        )
        given = {
            key[len(prefix) :].lower(): value
            for key, value in source.items()
            if key.startswith(prefix)
        }
        unknown = sorted(set(given) - set(cls.model_fields))
        if unknown:
            names = ", ".join(prefix + name.upper() for name in unknown)
            raise SettingsError(
                f"Unknown setting {names}: known are {', '.join(prefix + n.upper() for n in cls.model_fields)}."
            )
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{prefix}{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg']}"
                for e in error.errors(include_input=False)
            )
            raise SettingsError(f"Settings are not usable: {wrong}.") from None


class ServiceSettings(Settings):
    """What every service reads at start."""

    database_url: str = Field(repr=False)
    owner_url: str = Field(
        default="", repr=False, description="role that owns the schema; only `migrate` uses it"
    )
    kafka: str = Field(
        default="127.0.0.1:19092",
        description="host:port, or ssl://host:port?ca=FILE&cert=FILE&key=FILE",
    )
    host: str = "127.0.0.1"
    port: int = Field(gt=0, lt=65_536)
    internal_token: str = Field(
        min_length=16, repr=False, description="shared secret of calls between services"
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    batch_max: int = Field(default=500, gt=0, le=5_000, description="messages per transaction")
    traces_url: str = Field(
        default="",
        pattern="^(https?://[^/]+.*)?$",
        description="an OpenTelemetry collector (OTLP over HTTP); empty: no spans",
    )
    traces_share: float = Field(
        default=1.0, ge=0, le=1, description="which share of the batches is traced, each completely"
    )
    session_timeout_ms: int = Field(default=3_000, ge=1_000, le=60_000)

    @field_validator("kafka")
    @classmethod
    def _an_address(cls, text: str) -> str:
        KafkaAddress.parse(text)
        return text


def read_one(service: str, setting: str, why: str, otherwise: str = "") -> str:
    """One setting of a service out of this process's environment, for a command that works on what is the service's.

    Raises:
        SettingsError: it is not set (`why` says what it is needed for), or its file cannot be read.
    """
    prefix = f"PAYDOWN_{service.upper()}_"
    found = (
        from_files(os.environ, prefix, {setting}).get(f"{prefix}{setting.upper()}", "") or otherwise
    )
    if not found:
        raise SettingsError(f"{prefix}{setting.upper()} is not set: {why}.")
    return found


def from_files(
    environment: Mapping[str, str], prefix: str, fields: Collection[str]
) -> dict[str, str]:
    """The environment with `<NAME>_FILE=/path` replaced by `<NAME>=<what the file says>`, as containers are given their secrets.

    Raises:
        SettingsError: the file cannot be read, or both are given.
    """
    found = dict(environment)
    for key in [key for key in environment if key.startswith(prefix) and key.endswith(FILE)]:
        name = key.removesuffix(FILE)
        if key[len(prefix) :].lower() in fields or name[len(prefix) :].lower() not in fields:
            continue
        if name in environment:
            raise SettingsError(f"{name} and {key} are both set; one of them is enough.")
        try:
            found[name] = Path(found.pop(key)).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{key} names a file that cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}."
            ) from None
    return found


S = TypeVar("S", bound="Settings")


def read_or_exit(settings: type[S]) -> S:
    """The settings, or one sentence on stderr and exit code 2."""
    try:
        return settings.read()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before logging exists
        sys.exit(2)
