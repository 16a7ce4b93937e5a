"""Wires the service: one public route, the writing thread, the relay."""

from pathlib import Path

from libs.common.runtime.loops import Loop
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.webhooks import metrics, routes
from services.webhooks.group_commit import GroupCommitter, store_writer
from services.webhooks.secrets_in_use import SecretsInUse
from services.webhooks.settings import WebhooksSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: WebhooksSettings) -> Service:
    """The service, ready to be served. Nothing is connected yet."""
    service = Service("webhooks", settings, MIGRATIONS)
    write = store_writer(settings.security_events_max)
    committer = GroupCommitter(service.engine, write, settings.gather_max)
    throttle = routes.SecurityEventThrottle(routes.SECURITY_EVENTS_PER_S)
    service.loops.append(Loop("group-commit", committer.run))
    service.add_relay()
    service.add_dead_letter_routes()
    secrets = SecretsInUse(settings.secret, settings.previous_secret)
    service.world.checks.append(lambda: secrets.check(service.engine))
    service.routers.append(routes.router(settings, secrets, committer, throttle))
    service.gauges |= metrics.gauges(service.engine, throttle)
    return service


def main() -> None:
    """Run until SIGTERM."""
    build(read_or_exit(WebhooksSettings)).serve()
