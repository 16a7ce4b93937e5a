"""Wires the dispatcher: four consumers, the relay, two pumps, and the loops that prepare, follow and take statements."""

import threading
from contextlib import suppress
from pathlib import Path

from libs.common.contracts import topics
from libs.common.crypto.field_encryption import Sealer
from libs.common.crypto.key_check import check, or_exit
from libs.common.runtime.service import Beat, Loop, Service, take_turns
from libs.common.runtime.settings import read_or_exit
from services.dispatcher import (
    commands,
    gauges,
    intake,
    limiter,
    objects,
    routes,
    subscriptions,
    taking_back,
)
from services.dispatcher.follow import Follower
from services.dispatcher.objects import ObjectWork
from services.dispatcher.payments import PaymentWork
from services.dispatcher.preflight import Preflight
from services.dispatcher.prepare import Preparer
from services.dispatcher.provider import Provider, Unreachable
from services.dispatcher.reading import Reader
from services.dispatcher.sealed import PLACES
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.statements import Statements
from services.dispatcher.worker import Work, pump


def limits(settings: DispatcherSettings) -> dict[str, int]:
    """Calls a minute per tier: the profile's, with the settings' overrides."""
    chosen = dict(limiter.PROFILES[settings.profile])
    if settings.payments_per_min:
        chosen[limiter.PAYMENTS] = settings.payments_per_min
    if settings.requests_per_min:
        chosen[limiter.GLOBAL] = settings.requests_per_min
    return chosen


def main() -> None:
    """Run the dispatcher until SIGTERM."""
    settings = read_or_exit(DispatcherSettings)
    service = Service("dispatcher", settings, Path(__file__).parent / "migrations")
    timing = settings.timing
    provider = Provider(
        settings.provider_url, settings.provider_key, settings.provider_version, timing.timeout_s
    )
    sealer = Sealer.parse(settings.seal_keys)
    or_exit(lambda: check(service.engine, "dispatcher", PLACES, sealer))

    def date() -> object:
        return provider.last_date

    service.consumer(topics.BATCHES, intake.batches)
    service.consumer(topics.PARSED_ROWS, intake.rows)
    service.consumer(topics.APPROVED_PAYMENTS, intake.payments)
    service.consumer(topics.PROVIDER_EVENTS, intake.hints)
    service.relay()

    def pumping(work: Work) -> Loop:
        def loop(stop: threading.Event, beat: Beat) -> None:
            with suppress(
                Unreachable
            ):  # its answer has the provider's clock, from which look-ups of what is sent next begin
                Reader(service.engine, provider, stop, beat).call("GET", "/ping")
            pump(
                work,
                service.engine,
                provider,
                settings.concurrency,
                stop,
                beat,
                service.standing.watched.look,
            )

        return Loop(work.name, loop)

    def prepare(stop: threading.Event, beat: Beat) -> None:
        reader = Reader(service.engine, provider, stop, beat)
        preparer = Preparer(service.engine, reader)
        preflight = Preflight(service.engine, reader, preparer, settings.preflight_limit_s)
        take_turns(
            (
                preflight.check,
                preparer.prepare,
                preparer.link,
                preparer.wake,
                preparer.start,
                preparer.give_up,
            ),
            stop,
            beat,
            0.3,
        )

    def follow(stop: threading.Event, beat: Beat) -> None:
        reader = Reader(service.engine, provider, stop, beat)
        follower = Follower(service.engine, reader, timing)
        take_turns(
            (
                follower.poll,
                follower.look_up,
                follower.sweep,
                lambda: objects.look_up(service.engine, reader, timing),
            ),
            stop,
            beat,
            0.5,
        )

    def statements(stop: threading.Event, beat: Beat) -> None:
        reader = Reader(service.engine, provider, stop, beat)
        taker = Statements(service.engine, reader, timing)
        subscriber = subscriptions.Subscriber(reader, settings.webhook_url, settings.webhook_secret)
        take_turns((subscriber.ensure, taker.take, taker.search_duplicates), stop, beat, 0.5)

    service.standing.taking_back = taking_back.taking_back(
        lambda stop, beat: Reader(service.engine, provider, stop, beat), timing
    )
    limiter.configure(service.engine, limits(settings))
    service.loops += [
        pumping(ObjectWork(timing, sealer, settings.provider_version, date)),
        pumping(PaymentWork(timing, date)),
        Loop("prepare", prepare),
        Loop("follow", follow),
        Loop("statements", statements),
    ]
    service.gauges |= gauges.all_of(service.engine)
    service.dead_letters(commands.barred)
    service.routers.append(routes.router(service.engine, settings.internal_token))
    service.serve()
