"""Wires reports and starts it."""

from pathlib import Path

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.reports import consumers, metrics, routes
from services.reports.key_check import PLACES
from services.reports.live_view import Live
from services.reports.settings import ReportsSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: ReportsSettings) -> Service:
    """The service with its consumers, routes and live view."""
    service = Service("reports", settings, MIGRATIONS)
    for topic in consumers.TOPICS_READ:
        service.consumer(topic, consumers.apply)
    service.dead_letters()
    view: routes.LiveView = lambda _connection, _batch_id: None  # noqa: E731 - SQL answers everything
    if settings.live == "faust":
        live = Live(settings.kafka)
        service.lifespan, view = live.lifespan, live.answer
    service.routers.append(
        routes.router(
            routes.Context(
                service.engine,
                settings.internal_token,
                FieldCipher.parse(settings.seal_keys),
                settings.certificate_wait_s,
                view,
            )
        )
    )
    service.gauges.update(metrics.gauges(service.engine))
    return service


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence when the keys are not those of the database."""
    settings = read_or_exit(ReportsSettings)
    service = build(settings)
    exit_on_wrong_keys(
        lambda: check(service.engine, "reports", PLACES, FieldCipher.parse(settings.seal_keys))
    )
    service.serve()
