"""Wires the dispatcher: four consumers, the relay, two pumps, and the loops that prepare, follow and take statements."""

import threading
from contextlib import suppress
from pathlib import Path

from libs.common.contracts import topics
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.messaging.consumer import Beat
from libs.common.runtime.loops import Loop, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.dispatcher import commands, consumers, metrics, routes
from services.dispatcher.key_check import PLACES
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider import rate_limiter, webhook_subscriptions
from services.dispatcher.provider.client import Provider, Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.recovery import provider_objects
from services.dispatcher.sending import provider_accounts
from services.dispatcher.sending.payments import PaymentWork
from services.dispatcher.sending.provider_accounts import ObjectWork
from services.dispatcher.sending.worker import Work, pump
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.statements import Statements


def limits(settings: DispatcherSettings) -> dict[str, int]:
    """Calls a minute per tier: the profile's, with the settings' overrides."""
    chosen = dict(rate_limiter.PROFILES[settings.profile])
    if settings.payments_per_min:
        chosen[rate_limiter.PAYMENTS] = settings.payments_per_min
    if settings.requests_per_min:
        chosen[rate_limiter.GLOBAL] = settings.requests_per_min
    return chosen


def main() -> None:
    """Run the dispatcher until SIGTERM."""
    settings = read_or_exit(DispatcherSettings)
    service = Service("dispatcher", settings, Path(__file__).parent / "migrations")
    timing = settings.timing
    provider = Provider(
        settings.provider_url, settings.provider_key, settings.provider_version, timing.timeout_s
    )
    sealer = FieldCipher.parse(settings.seal_keys)
    exit_on_wrong_keys(lambda: check(service.engine, "dispatcher", PLACES, sealer))

    def date() -> object:
        return provider.last_date

    service.add_consumer(topics.BATCHES, consumers.batches)
    service.add_consumer(topics.PARSED_ROWS, consumers.rows)
    service.add_consumer(topics.APPROVED_PAYMENTS, consumers.payments)
    service.add_consumer(topics.PROVIDER_EVENTS, consumers.hints)
    service.add_relay()

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
                service.startup_gate.identity_guard.check,
            )

        return Loop(work.name, loop)

    def prepare(stop: threading.Event, beat: Beat) -> None:
        reader = Reader(service.engine, provider, stop, beat)
        preparer = Provisioner(service.engine, reader)
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
        follower = StatusPoller(service.engine, reader, timing)
        take_turns(
            (
                follower.poll,
                follower.look_up,
                follower.sweep,
                lambda: provider_accounts.look_up(service.engine, reader, timing),
            ),
            stop,
            beat,
            0.5,
        )

    def statements(stop: threading.Event, beat: Beat) -> None:
        reader = Reader(service.engine, provider, stop, beat)
        taker = Statements(service.engine, reader, timing)
        subscriber = webhook_subscriptions.Subscriber(
            reader, settings.webhook_url, settings.webhook_secret
        )
        take_turns((subscriber.ensure, taker.take, taker.search_duplicates), stop, beat, 0.5)

    service.startup_gate.recovery_steps = provider_objects.recovery_steps(
        lambda stop, beat: Reader(service.engine, provider, stop, beat), timing
    )
    rate_limiter.configure(service.engine, limits(settings))
    service.loops += [
        pumping(ObjectWork(timing, sealer, settings.provider_version, date)),
        pumping(PaymentWork(timing, date)),
        Loop("prepare", prepare),
        Loop("follow", follow),
        Loop("statements", statements),
    ]
    service.gauges |= metrics.all_of(service.engine)
    service.add_dead_letter_routes(commands.ineligible_approvers)
    service.routers.append(routes.router(service.engine, settings.internal_token))
    service.serve()
