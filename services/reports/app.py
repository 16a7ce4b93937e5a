"""Wires reports and starts it."""

from pathlib import Path

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.reports import consumers, metrics
from services.reports.domain.freshness import Freshness
from services.reports.key_check import PLACES
from services.reports.live_view import LiveView
from services.reports.routes.context import Context, ReadLiveView
from services.reports.routes.router import router
from services.reports.settings import ReportsSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: ReportsSettings) -> Service:
    """The service with its consumers, routes, gauges and live view."""
    service = Service("reports", settings, MIGRATIONS)
    for topic in consumers.TOPICS_READ:
        service.add_consumer(topic, consumers.apply)
    service.add_dead_letter_routes()
    context = Context(
        service.engine,
        settings.internal_token,
        FieldCipher.parse(settings.seal_keys),
        settings.certificate_wait_s,
        add_live_view(service, settings),
        lambda: read_freshness(service),
    )
    service.routers.append(router(context))
    service.gauges.update(metrics.gauges(service.engine))
    return service


def read_freshness(service: Service) -> Freshness:
    """How far the consumers are, as the service last measured it."""
    meter = service.consumer_watch.meter
    ages = [age for age in meter.applied_ages_s().values() if age is not None]
    known = len(ages) == len(meter.consumers) and ages
    return Freshness(
        dict(meter.lags), meter.age_s(), meter.flow_age_s(), max(ages) if known else None
    )


def add_live_view(service: Service, settings: ReportsSettings) -> ReadLiveView:
    """Bind the live view to the service's lifetime; the function that reads it.

    With `LIVE=sql` there is none, and queries answer every request.
    """
    if settings.live == "sql":
        return lambda _connection, _batch_id: None
    view = LiveView(settings.kafka, settings.verifier.verify)
    service.lifespan = view.lifespan
    return view.snapshot


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence when the keys do not fit the database."""
    settings = read_or_exit(ReportsSettings)
    service = build(settings)
    exit_on_wrong_keys(
        lambda: check(service.engine, "reports", PLACES, FieldCipher.parse(settings.seal_keys))
    )
    service.serve()
