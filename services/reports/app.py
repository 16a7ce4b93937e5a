"""Wires reports and starts it."""

from pathlib import Path

from libs.common.contracts.topics import TOPICS
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.reports import routes
from services.reports.key_check import PLACES
from services.reports.live_view import Live
from services.reports.settings import ReportsSettings
from services.reports.store import queries, writes

MIGRATIONS = Path(__file__).parent / "migrations"
READ = tuple(topic for topic in TOPICS if "reports" in topic.consumers)


def build(settings: ReportsSettings) -> Service:
    """The service with its consumers, routes and live view."""
    service = Service("reports", settings, MIGRATIONS)
    for topic in READ:
        service.add_consumer(topic, writes.apply)
    service.add_dead_letter_routes()
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

    def waiting() -> tuple[int, float]:
        with service.engine.connect() as connection:
            return queries.waiting(connection)

    service.gauges["statuses_waiting"] = lambda: float(waiting()[0])
    service.gauges["statuses_waiting_age_seconds"] = lambda: waiting()[1]
    return service


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence when the keys are not those of the database."""
    settings = read_or_exit(ReportsSettings)
    service = build(settings)
    exit_on_wrong_keys(
        lambda: check(service.engine, "reports", PLACES, FieldCipher.parse(settings.seal_keys))
    )
    service.serve()
