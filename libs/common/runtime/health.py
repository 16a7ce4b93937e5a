"""Health and metrics over HTTP: /health/live, /health/ready, /health/flow and /metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.database.engine import run
from libs.common.messaging import dead_letters, outbox
from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.observability.metrics import Age

#: A loop without a beat for so long is stuck; a call to the provider may take 30 s.
STALE_S = 90.0


@dataclass(frozen=True)
class Probes:
    """What the routes ask a service for, at each request.

    Args:
        loop_ages: seconds since each loop's last beat.
        readiness: each check by name.
        quarantined_because: why its database is quarantined; "" if it is not.
        gauges: the figures for Prometheus.
        world: what is wrong around the service, one sentence for each check.
        applied: by topic, how old what has been applied of it is, in seconds; None: not known.
        outbox_age_s: the age of the oldest event that has not been published.
    """

    loop_ages: Callable[[], Mapping[str, float]]
    readiness: Callable[[], Mapping[str, bool]]
    quarantined_because: Callable[[], str]
    gauges: Callable[[], Mapping[str, float]]
    world: Callable[[], Mapping[str, str]] = dict
    applied: Callable[[], Mapping[str, float | None]] = dict
    outbox_age_s: Callable[[], float] = float


def router(service: str, probes: Probes) -> APIRouter:
    """The routes of health and metrics. A status is 200, or 503 if anything is wrong."""
    routes = APIRouter()

    @routes.get("/health/live", include_in_schema=False)
    def health_live(response: Response) -> dict[str, object]:
        ages = probes.loop_ages()
        alive = all(age < STALE_S for age in ages.values())
        response.status_code = 200 if alive else 503
        return {"live": alive, "loops": ages}

    @routes.get("/health/ready", include_in_schema=False)
    def health_ready(response: Response) -> dict[str, object]:
        checks = probes.readiness()
        response.status_code = 200 if all(checks.values()) else 503
        return {
            "ready": all(checks.values()),
            "checks": checks,
            "held": probes.quarantined_because(),
            "world": probes.world(),
        }

    @routes.get("/health/flow", include_in_schema=False)
    def health_flow() -> dict[str, object]:
        return {"applied_age_s": probes.applied(), "outbox_age_s": probes.outbox_age_s()}

    @routes.get("/metrics", include_in_schema=False)
    def metrics(_: Request) -> Response:
        registry = CollectorRegistry()
        for name, value in probes.gauges().items():
            title = name.replace("_", " ")
            Gauge(f"paydown_{service}_{name}", title, registry=registry).set(value)
        findings = Gauge(
            f"paydown_{service}_world_finding", "world finding", ["check"], registry=registry
        )
        for name in probes.world():
            findings.labels(check=name).set(1)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def run_checks(checks: Mapping[str, Callable[[], bool]]) -> dict[str, bool]:
    """The result of each check. One that cannot be made has failed."""
    found = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except (SQLAlchemyError, OSError):
            found[name] = False
    return found


def read_outbox_age_s(engine: Engine, age: Age) -> float:
    """The age of the oldest event that has not been published, in seconds; 0 if all have been.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        return age.of(outbox.backlog(connection).age_s)


def messaging_gauges(
    connection: Connection, forged: ForgedMessages, outbox_age: Age
) -> dict[str, float]:
    """Figures of the outbox and of the dead letters, as far as the database has these tables.

    Args:
        forged: messages that people found to be forged; they are not counted.
    """
    gauges: dict[str, float] = {}
    tables = set(
        run(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
    )
    if "outbox" in tables:
        backlog = outbox.backlog(connection)
        gauges["outbox_waiting"] = float(backlog.waiting)
        gauges["outbox_age_seconds"] = outbox_age.of(backlog.age_s)
    if "dead_letter" in tables:
        gauges["dead_letters"] = float(dead_letters.count_open(connection))
        refused = dead_letters.count_refused_signatures(connection, forged)
        gauges["refused_signatures"] = float(refused)
    return gauges
