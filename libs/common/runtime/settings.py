"""Settings: environment variables, read once at start. A misspelt one stops the start.

`setting_sources` says how a value may also come from a file or a command.
"""

import os
import sys
from collections.abc import Mapping
from typing import Self, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.message_signatures import Signer, Verifier
from libs.common.messaging.address import SESSION_TIMEOUT_MS, KafkaAddress
from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.runtime.setting_sources import resolve
from libs.common.web.call_signatures import GATEWAY, CallSigner, CallVerifier

S = TypeVar("S", bound="Settings")


class Settings(BaseSettings):
    """Base of all settings. A subclass sets `env_prefix`, for example `PAYDOWN_LEDGER_`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    @classmethod
    def settings_customise_sources(  # type: ignore[override] # unused sources have no names here
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from `read`; the process's environment must not fill gaps."""
        return (init_settings,)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Args:
            environment: this process's environment by default.

        Raises:
            SettingsError: a variable with our prefix is unknown, missing or out of range. The
                message names the variable, never its value.
        """
        prefix = cls.model_config["env_prefix"]
        source = resolve(
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
            known = ", ".join(prefix + name.upper() for name in cls.model_fields)
            raise SettingsError(f"Unknown setting {names}: known are {known}.")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{prefix}{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
                for one in error.errors(include_input=False)
            )
            raise SettingsError(f"Settings are not usable: {wrong}.") from None


class ServiceSettings(Settings):
    """The settings that every service has."""

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
    signing_keys: str = Field(
        default="",
        repr=False,
        description="id:base64[,id:base64], Ed25519 private keys; the first signs what the "
        "service publishes, or the gateway's calls",
    )
    public_keys: str = Field(
        default="",
        description="service/id:base64[,…], Ed25519 public keys of all services that sign",
    )
    accept_unsigned: bool = Field(
        default=False,
        description="apply messages and answer calls without a signature; only while an "
        "installation that is older than signatures is upgraded",
    )
    forged_messages: str = Field(
        default="",
        description="topic/partition/offset[-offset][,…]: messages that people found to be forged; "
        "a recovery passes over them, and no alert counts them any more",
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
    session_timeout_ms: int = Field(default=SESSION_TIMEOUT_MS, ge=1_000, le=60_000)

    @field_validator("signing_keys")
    @classmethod
    def _are_signing_keys(cls, text: str) -> str:
        if text:
            Signer.parse(text)
        return text

    @field_validator("public_keys")
    @classmethod
    def _are_public_keys(cls, text: str) -> str:
        Verifier.parse(text)
        return text

    @field_validator("forged_messages")
    @classmethod
    def _are_forged_messages(cls, text: str) -> str:
        ForgedMessages.parse(text)
        return text

    @property
    def signer(self) -> Signer | None:
        """Signs what the service publishes; None without keys."""
        return Signer.parse(self.signing_keys) if self.signing_keys else None

    @property
    def call_signer(self) -> CallSigner:
        """Signs the calls of the gateway to the services. It must have a key."""
        signer = Signer.parse(self.signing_keys)
        return CallSigner(signer.key_id, signer.key)

    @property
    def call_verifier(self) -> CallVerifier:
        """Verifies the calls of the gateway."""
        return CallVerifier(self.verifier.keys.get(GATEWAY, {}))

    @property
    def verifier(self) -> Verifier:
        """Verifies what the service reads."""
        return Verifier.parse(self.public_keys, accept_unsigned=self.accept_unsigned)

    @property
    def forged(self) -> ForgedMessages:
        """Messages that people found to be forged."""
        return ForgedMessages.parse(self.forged_messages)

    @field_validator("kafka")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        KafkaAddress.parse(text)
        return text


def read_one(service: str, setting: str, why: str, default: str = "") -> str:
    """Read one setting of a service, for a command that works on the service's data.

    Args:
        why: what the setting is needed for; a part of the error message.

    Raises:
        SettingsError: it is not set and has no default, or its file cannot be read.
    """
    prefix = f"PAYDOWN_{service.upper()}_"
    name = f"{prefix}{setting.upper()}"
    found = resolve(os.environ, prefix, {setting}).get(name, "") or default
    if not found:
        raise SettingsError(f"{name} is not set: {why}.")
    return found


def read_or_exit(settings: type[S]) -> S:
    """Read the settings; on an error write one sentence to stderr and exit with code 2."""
    try:
        return settings.read()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before logging exists
        sys.exit(2)
