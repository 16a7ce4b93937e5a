"""The settings of ingest, read once at the start; README.md explains each."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.runtime.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """PAYDOWN_INGEST_*."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_INGEST_")

    port: int = Field(default=8101, gt=0, lt=65_536)
    files_dir: Path = Field(
        description="the folder of uploaded files, readable by this service alone"
    )
    seal_keys: str = Field(
        min_length=1, description="id:base64key[,id:base64key]; the first one encrypts"
    )
    index_key: str = Field(min_length=1, description="base64; blind indexes of numbers and people")
    wire_max_bytes: int = Field(default=100 << 20, gt=0, description="a compressed upload")
    plain_max_bytes: int = Field(default=1 << 30, gt=0, description="an upload when it is inflated")
    rows_max: int = Field(default=1_000_000, gt=0)
    amount_max_cents: int = Field(default=10_000_00, ge=1_00, description="of one row")
    period_anchor: date = Field(
        default=date(2026, 1, 5),
        description="first day of any one pay period, for calendars of weeks",
    )
    pay_calendar: Literal["weekly", "every-two-weeks", "twice-a-month", "monthly"] = Field(
        default="every-two-weeks",
        description="how the year is divided into pay periods; what was paid stays claimed by days",
    )
    ready_days: int = Field(
        default=30, gt=0, le=366, description="a batch that nobody approved for so long expires"
    )
    archive_days: int = Field(
        default=90,
        gt=0,
        le=3_660,
        description="a batch completed so long ago is archived; a late return reopens it",
    )
    files_days: int = Field(
        default=90,
        gt=0,
        le=3_660,
        description="an uploaded file is removed so long after it was read; its rows stay",
    )
    unusual_amount_times: int = Field(
        default=10,
        ge=2,
        le=1_000,
        description="an amount so many times the one before is a warning",
    )
    unusual_total_percent: int = Field(
        default=25, ge=1, le=1_000, description="a total that moved by so much is a warning"
    )
    unusual_people_percent: int = Field(
        default=20, ge=1, le=100, description="such a share of new or gone people is a warning"
    )
    unusual_source_times: int = Field(
        default=2,
        ge=2,
        le=1_000,
        description="an account that pays so many times more is a warning",
    )
    yearly_limits: dict[int, Annotated[int, Field(gt=0)]] = Field(
        default={2026: 5_250_00},  # 26 U.S.C. 127(a)(2)
        min_length=1,
        description="JSON: the cents a year that are free of tax, by the first year they hold for",
    )
    yearly_limit_near_percent: int = Field(
        default=90, ge=1, le=100, description="of the yearly limit; from there on a warning"
    )
    yearly_limit_blocks: bool = Field(
        default=False, description="a batch that passes somebody's yearly limit cannot be approved"
    )
    one_person: bool = Field(
        default=False, description="the approver may be the uploader; every report says so"
    )
