"""Notifications of one gateway: what its routes and its two loops share."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.messaging.consumer import Beat
from libs.common.runtime.loops import Loop
from libs.common.runtime.work_signal import WorkSignal
from services.gateway.auth.people import PeopleDirectory
from services.gateway.notifications.delivery import Courier
from services.gateway.notifications.message_client import MessageClient
from services.gateway.notifications.sender import AT_ONCE_MAX, Sender
from services.gateway.notifications.watch import Watch, WatchRules
from services.gateway.notifications.webhook_client import WebhookClient, system_resolver
from services.gateway.settings import GatewaySettings
from services.gateway.store import notification_channels
from services.gateway.upstream import Upstreams


@dataclass(frozen=True)
class Notifications:
    """The settings, the people, and the couriers made from them."""

    engine: Engine
    settings: GatewaySettings
    people: PeopleDirectory

    @cached_property
    def courier(self) -> Courier | None:
        """Delivers to channels; None without a key, so no channel can be made."""
        settings = self.settings
        if not settings.seal_keys:
            return None
        threads = ThreadPoolExecutor(AT_ONCE_MAX, "notification")
        return Courier(
            FieldCipher.parse(settings.seal_keys),
            settings.public,
            WebhookClient(
                system_resolver(ThreadPoolExecutor(AT_ONCE_MAX, "webhook-name")),
                allow_http=settings.webhook_http,
                allow_private=settings.webhook_private,
            ),
            MessageClient(settings.message_services, threads),
        )

    def may_be_told(self, person: str) -> bool:
        """Whether a person has a role here now."""
        with self.engine.connect() as connection:
            found = self.people.find(connection, person)
        return found is not None and bool(found.roles)

    def told_people(self) -> list[str]:
        """Everyone who has chosen something and still has a role."""
        with self.engine.connect() as connection:
            chosen = notification_channels.list_people_with_choices(connection)
        return [person for person in chosen if self.may_be_told(person)]

    def loops(self, new_services: Callable[[], Upstreams], signal: WorkSignal) -> list[Loop]:
        """The loop that notices events and the one that delivers them; none without a key.

        Args:
            new_services: makes clients that belong to the loop that uses them.
            signal: tells the loop that delivers of new deliveries.
        """
        courier, settings = self.courier, self.settings
        if courier is None:
            return []
        rules = WatchRules(settings.notify_every_s, settings.remind_h, settings.failure_share)

        async def watch(stop: threading.Event, beat: Beat) -> None:
            services = new_services()
            try:
                watched = Watch(self.engine, services, rules, self.told_people, signal=signal)
                await watched.run(stop, beat)
            finally:
                await services.close()

        def run_watch(stop: threading.Event, beat: Beat) -> None:
            asyncio.run(watch(stop, beat))

        def run_sender(stop: threading.Event, beat: Beat) -> None:
            asyncio.run(Sender(self.engine, courier, self.may_be_told, signal).run(stop, beat))

        return [Loop("notification-watch", run_watch), Loop("notification-sender", run_sender)]
