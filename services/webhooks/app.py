"""Wires the service: one public route, the writing thread, the relay."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from libs.common.runtime.loops import Loop
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.webhooks import routes, store
from services.webhooks.group_commit import GroupCommitter, Item
from services.webhooks.settings import WebhooksSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: WebhooksSettings) -> Service:
    """The service, ready to be served; nothing is connected yet."""
    service = Service("webhooks", settings, MIGRATIONS)

    def write(connection: Connection, items: Sequence[Item]) -> None:
        received = [item for item in items if isinstance(item, store.Received)]
        strangers = [item for item in items if isinstance(item, store.RejectedDelivery)]
        if received:
            store.keep(connection, received)
        if strangers:
            store.refuse(connection, strangers, settings.security_events_max)

    def last_delivery_age_s() -> float:
        with service.engine.connect() as connection:
            return store.last_delivery_age_s(connection)

    gatherer, brake = (
        GroupCommitter(service.engine, write, settings.gather_max),
        routes.SecurityEventThrottle(routes.STRANGERS_PER_S),
    )
    service.loops.append(Loop("gather", gatherer.run))
    service.add_relay()
    service.add_dead_letter_routes()
    service.routers.append(routes.router(settings, gatherer, brake))
    service.gauges |= {
        "refused": lambda: float(brake.refused),
        "last_delivery_age_seconds": last_delivery_age_s,
    }
    return service


def main() -> None:
    """Run until SIGTERM."""
    build(read_or_exit(WebhooksSettings)).serve()
