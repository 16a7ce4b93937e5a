"""Wires the dispatcher: consumers, relay, workers, and the loops that prepare and track."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from libs.common.contracts import topics
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.messaging.consumer import Beat
from libs.common.messaging.turns import Turns
from libs.common.runtime.loops import Loop, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.dispatcher import commands, consumers, metrics, routes
from services.dispatcher.domain.clocks import DATES_NEEDED
from services.dispatcher.key_check import PLACES
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.preparation.disabled_objects import DisabledObjects
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Provider, Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.provider.webhook_subscriptions import WebhookSubscriptions
from services.dispatcher.recovery.steps import recovery_steps
from services.dispatcher.sending.payments import PaymentSender
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.sending.walked_batches import WalkedBatches
from services.dispatcher.sending.worker import Sender, Worker
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.tracking.duplicates import DuplicateDetector
from services.dispatcher.tracking.lookup import PaymentLookup
from services.dispatcher.tracking.object_lookup import look_up_objects
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.provider_walk import ProviderWalker
from services.dispatcher.tracking.set_back import SetBackTimes
from services.dispatcher.tracking.statements import StatementTaker
from services.dispatcher.tracking.unknown_payments import check_hints

PREPARATION_WAIT_S = 0.3
TRACKING_WAIT_S = 0.5
WALK_WAIT_S = 0.2


@dataclass
class Loops:
    """The dispatcher's own loops; each runs in a thread until `stop` is set."""

    service: Service
    settings: DispatcherSettings
    provider: Provider
    cipher: FieldCipher
    walked: WalkedBatches = field(default_factory=WalkedBatches)
    _limits_lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _are_limits_set: bool = field(init=False, default=False)

    def all(self) -> list[Loop]:
        """Return every loop, the workers first."""
        settings = self.settings
        clocks = self.provider.clocks
        objects = ProviderObjectSender(
            settings.timing, self.cipher, settings.provider_version, clocks
        )
        return [
            self.worker(objects),
            self.worker(PaymentSender(settings.timing, clocks, self.walked)),
            Loop("walk", self.walk),
            Loop("prepare", self.prepare),
            Loop("follow", self.track),
            Loop("statements", self.take_statements),
        ]

    def reader(self, stop: threading.Event, beat: Beat) -> Reader:
        """Return a reader of the provider for one loop.

        Every loop asks for one before its first call, so the limits are set here: at the start of
        the process the database may be away.
        """
        with self._limits_lock:
            if not self._are_limits_set:
                rate_limiter.configure(self.service.engine, limits(self.settings))
                self._are_limits_set = True
        return Reader(self.service.engine, self.provider, stop, beat)

    def approvals(self) -> ApprovalProof:
        """Return what verifies approvals; each one examines every batch."""
        return ApprovalProof(self.settings.call_verifier, self.settings.trusted)

    def worker(self, sender: Sender) -> Loop:
        """Return the loop that sends payments or provider objects."""

        def loop(stop: threading.Event, beat: Beat) -> None:
            # The answers have the provider's clock, from which look-ups of what is sent begin.
            with suppress(Unreachable):
                for _ in range(DATES_NEEDED):
                    self.reader(stop, beat).call("GET", "/ping")
            check_database = self.service.startup_gate.identity_guard.check
            Worker(
                sender,
                self.service.engine,
                self.provider,
                self.settings.concurrency,
                check_database,
                self.service.work,
            ).run(stop, beat)

        return Loop(sender.name, loop)

    def walk(self, stop: threading.Event, beat: Beat) -> None:
        """Read the provider's list before anything of a batch is sent."""
        engine, reader = self.service.engine, self.reader(stop, beat)
        detector = DuplicateDetector(engine, reader, self.settings.timing)
        walker = ProviderWalker(engine, reader, detector, self.walked)
        take_turns((walker.walk,), stop, beat, WALK_WAIT_S, self.service.work)

    def prepare(self, stop: threading.Event, beat: Beat) -> None:
        """Answer preflights, and bring batches to where they can be paid."""
        engine, reader = self.service.engine, self.reader(stop, beat)
        settings = self.settings
        provisioner = Provisioner(engine, reader, self.approvals())
        preflight = Preflight(engine, reader, provisioner, settings.preflight_limit_s)
        disabled = DisabledObjects(engine, reader)
        turns = (
            preflight.check,
            disabled.read_wanted,
            provisioner.insert_objects,
            provisioner.link_payments,
            provisioner.catch_up,
            provisioner.start_batches,
            provisioner.end_unpayable,
        )
        take_turns(turns, stop, beat, PREPARATION_WAIT_S, self.service.work)

    def track(self, stop: threading.Event, beat: Beat) -> None:
        """Read due payments, and look up payments and objects in doubt."""
        engine, timing, reader = self.service.engine, self.settings.timing, self.reader(stop, beat)
        poller = StatusPoller(engine, reader, timing)
        lookup = PaymentLookup(engine, reader, timing)
        gathering = Turns(TRACKING_WAIT_S)

        def poll() -> bool:
            """Read what became due since the last turn: one list page answers for many."""
            gathering.wait()
            worked = poller.poll()
            if worked:
                gathering.end(is_full=False)
            return worked

        set_back = SetBackTimes(engine, self.provider.clocks, timing)
        turns = (
            set_back.bring_forward,
            poll,
            lookup.look_up,
            lookup.sweep,
            lambda: look_up_objects(engine, reader, timing),
        )
        take_turns(turns, stop, beat, TRACKING_WAIT_S, self.service.work)

    def take_statements(self, stop: threading.Event, beat: Beat) -> None:
        """Keep the webhooks alive, take statements, and search for duplicates."""
        engine, timing, reader = self.service.engine, self.settings.timing, self.reader(stop, beat)
        subscriptions = WebhookSubscriptions(
            reader, self.settings.webhook_url, self.settings.webhook_secret
        )
        self.service.world.checks.append(subscriptions.check)
        detector = DuplicateDetector(engine, reader, timing)
        taker = StatementTaker(engine, reader, timing, detector)
        turns = (subscriptions.ensure, taker.take, detector.search)
        take_turns(turns, stop, beat, TRACKING_WAIT_S, self.service.work)


def limits(settings: DispatcherSettings) -> dict[str, int]:
    """Return calls a minute per tier: the profile's, with the settings' overrides."""
    chosen = dict(rate_limiter.PROFILES[settings.profile])
    if settings.payments_per_min:
        chosen[rate_limiter.PAYMENTS] = settings.payments_per_min
    if settings.requests_per_min:
        chosen[rate_limiter.GLOBAL] = settings.requests_per_min
    return chosen


def add_consumers(service: Service) -> None:
    """Add the consumers of the four topics that the dispatcher reads."""
    service.add_consumer(topics.BATCHES, consumers.batches)
    service.add_consumer(topics.PARSED_ROWS, consumers.rows)
    service.add_consumer(topics.APPROVED_PAYMENTS, consumers.payments)
    service.add_consumer(topics.PROVIDER_EVENTS, consumers.hints)


def main() -> None:
    """Run the dispatcher until SIGTERM."""
    settings = read_or_exit(DispatcherSettings)
    service = Service("dispatcher", settings, Path(__file__).parent / "migrations")
    cipher = FieldCipher.parse(settings.seal_keys)
    exit_on_wrong_keys(lambda: check(service.engine, "dispatcher", PLACES, cipher))
    provider = Provider(
        settings.provider_url,
        settings.provider_key,
        settings.provider_version,
        settings.timing.timeout_s,
    )
    loops = Loops(service, settings, provider, cipher)
    add_consumers(service)
    service.world.checks.append(lambda: check_hints(service.engine))
    service.add_relay()
    service.startup_gate.recovery_steps = recovery_steps(
        loops.reader, settings.timing, loops.approvals
    )
    service.loops += loops.all()
    service.world.checks.append(provider.clock.check)
    service.gauges |= metrics.gauges(service.engine)
    service.gauges["clock_steps"] = lambda: float(provider.clocks.steps)
    service.add_dead_letter_routes(commands.ineligible_approvers)
    service.routers.append(routes.router(service.engine, settings.internal_token))
    service.serve()
