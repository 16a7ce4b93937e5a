"""Health: whether the gateway and the services answer, and their figures."""

from typing import Literal

from services.gateway.schemas.models import ResponseModel


class Alive(ResponseModel):
    """The gateway itself."""

    status: Literal["ok", "starting"]


class ServiceHealth(ResponseModel):
    """One service: whether it is ready, its checks, and its figures.

    `held` is why the service is read-only after a restore; "" if it is not. `world` has what is
    wrong around it (clocks, disks, settings of Kafka, certificates), one sentence for each check.
    `age_s` is how old the report is, in seconds: over 0 while the service is slow.
    """

    name: str
    ready: bool
    away: bool
    held: str
    checks: dict[str, bool]
    world: dict[str, str]
    figures: dict[str, float]
    age_s: float


class Health(ResponseModel):
    """Every service."""

    ready: bool
    services: list[ServiceHealth]
