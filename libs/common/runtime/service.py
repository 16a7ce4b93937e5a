"""What every service is: loops in threads, and HTTP with health and metrics, in one process."""

import gc
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from sqlalchemy import Engine
from starlette.middleware import Middleware

from libs.common.contracts.topics import TOPICS, Topic
from libs.common.database import migrate, pooler
from libs.common.database.engine import connect
from libs.common.database.server_checks import check_server
from libs.common.messaging import dead_letter_routes, kafka, relay
from libs.common.messaging.broker_checks import check_broker
from libs.common.messaging.consumer import Apply, Beat
from libs.common.messaging.dead_letter_routes import IneligiblePeople, no_one_ineligible
from libs.common.messaging.kafka_source import KafkaSource
from libs.common.messaging.lag import LagMeter
from libs.common.messaging.offsets import Offsets
from libs.common.messaging.written_offsets import WrittenOffsets
from libs.common.observability import tracing
from libs.common.observability.clock_difference import ClockComparison
from libs.common.observability.logs import configure, log
from libs.common.observability.metrics import Age, read_gauges
from libs.common.recovery import restored_routes
from libs.common.recovery.restored_routes import ReadOnlyWhileClosed
from libs.common.recovery.startup_gate import StartupGate
from libs.common.runtime import health, start_checks
from libs.common.runtime.consumer_loop import ConsumerLoop, ConsumerWatch
from libs.common.runtime.http_protocol import BoundedHeadProtocol
from libs.common.runtime.http_server import QuietServer
from libs.common.runtime.loops import Loop, Supervisor
from libs.common.runtime.settings import ServiceSettings
from libs.common.runtime.work_signal import SignalsWork, WorkSignal
from libs.common.runtime.world_checks import (
    Check,
    WorldChecks,
    certificate_files,
    check_certificates,
    check_disk,
)
from libs.common.web.problem_details import install_error_handlers
from libs.common.web.request_tracing import RequestTracing
from libs.common.web.signed_calls import SignedCallsOnly

STOP_S = 6.0
#: FastAPI's own spans and logs hold queries and texts of exceptions, and an environment variable
#: of its own would switch their export on.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


@dataclass
class Service:
    """The parts of one service; `serve` runs it.

    Args:
        name: also the prefix of its consumers and metrics.
        settings: read once, at start.
        migrations: the folder of its migrations.
        loops: started when the startup gate is open.
        routers: its routes.
        ready: checks of /health/ready, besides the common ones.
        gauges: figures, computed whenever Prometheus asks.
        applies: how each consumer applies its messages.
        lifespan: entered when the service starts.
        middleware: around all routes.
        public: people call this service, not only other services.
        application: the class of its HTTP application.
        trusted_proxies: addresses, with commas, whose X-Forwarded-For names the caller.
    """

    name: str
    settings: ServiceSettings
    migrations: Path
    loops: list[Loop] = field(default_factory=list)
    routers: list[APIRouter] = field(default_factory=list)
    ready: dict[str, Callable[[], bool]] = field(default_factory=dict)
    gauges: dict[str, Callable[[], float]] = field(default_factory=dict)
    applies: dict[str, Apply] = field(default_factory=dict)
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
    middleware: list[Middleware] = field(default_factory=list)
    public: bool = False
    application: type[FastAPI] = FastAPI
    trusted_proxies: str = ""
    engine: Engine = field(init=False)
    startup_gate: StartupGate = field(init=False)
    #: Seconds since 1970. It changes only when the process has ended and begun again.
    started_at_s: float = field(init=False, default_factory=time.time)
    supervisor: Supervisor = field(init=False, default_factory=Supervisor)
    #: Given to loops that wait for work of this process (runtime/work_signal.py).
    work: WorkSignal = field(init=False, default_factory=WorkSignal)
    consumers: dict[Topic, Loop] = field(init=False, default_factory=dict)
    consumer_watch: ConsumerWatch = field(init=False)
    world: WorldChecks = field(init=False, default_factory=WorldChecks)
    broker_clock: ClockComparison = field(
        init=False, default_factory=lambda: ClockComparison("the broker", precision_s=0.001)
    )
    pooler_checked: bool = field(init=False, default=False)
    outbox_age: Age = field(init=False, default_factory=Age)

    def __post_init__(self) -> None:
        self.engine = connect(self.settings.database_url, f"paydown-{self.name}")
        self.startup_gate = StartupGate(
            self.name,
            self.engine,
            self.settings.kafka,
            self._at_head,
            verify=self.settings.verifier.verify,
            forged=self.settings.forged,
        )
        self.consumer_watch = ConsumerWatch(
            LagMeter(self.engine, self.settings.kafka, {}),
            [],
            lambda: bool(self.startup_gate.quarantined_because),
        )
        self.world.checks += self._world_checks()

    def _world_checks(self) -> list[Check]:
        kafka_address, timeout_ms = self.settings.kafka, self.settings.session_timeout_ms
        topics = [topic for topic in TOPICS if self.name in (topic.producer, *topic.consumers)]
        files = certificate_files(kafka_address, self.settings.database_url)
        checks: list[Check] = [
            lambda: check_server(self.engine),
            lambda: check_disk([Path.cwd()]),
            lambda: check_certificates(files),
        ]
        if topics:
            checks.append(lambda: check_broker(kafka_address, topics, timeout_ms))
        return checks

    def add_consumer(self, topic: Topic, apply: Apply) -> None:
        """Add the loop that consumes a topic. The consumer's name is `<service>.<topic>`."""
        name = f"{self.name}.{topic.name}"

        offsets = Offsets(self.engine, name)

        def open_source() -> KafkaSource:
            return KafkaSource(
                self.settings.kafka,
                name,
                topic.name,
                offsets.load,
                self.settings.batch_max,
                self.settings.session_timeout_ms,
                self.consumer_watch.meter.broker_answers,
                has_taken_in=offsets.has_taken_in,
                client=self.consumer_watch.meter.client,
            )

        consumer = ConsumerLoop(
            name,
            self.engine,
            apply,
            open_source,
            self.settings.verifier.refusals,
            applied=self.work.give,
        )
        self.applies[name] = apply
        self.ready[f"group {topic.name}"] = consumer.is_ready
        self.consumer_watch.meter.consumers[name] = topic.name
        self.consumer_watch.consumers.append(consumer)
        self.consumers[topic] = Loop(name, consumer.run)
        self.loops.append(self.consumers[topic])

    def add_relay(self) -> None:
        """Add the loop that sends the outbox to Kafka."""

        written: WrittenOffsets | None = None

        def loop(stop: threading.Event, beat: Beat) -> None:
            nonlocal written
            if written is None:  # now, because the gate knows the ends only when it is open
                written = WrittenOffsets(self.startup_gate.topic_ends)
            producer = kafka.producer(self.settings.kafka)
            relay.publish_until_stopped(
                self.engine,
                producer,
                stop,
                beat,
                self.name,
                self.settings.signer,
                self.broker_clock,
                written,
                lambda: kafka.answers(self.settings.kafka),
            )

        self.loops.append(Loop("relay", loop))
        self.world.checks.append(self.broker_clock.check)

    def add_dead_letter_routes(self, ineligible: IneligiblePeople = no_one_ineligible) -> None:
        """Add the routes by which people list dead letters and have one applied again.

        Args:
            ineligible: gives the people who must not decide about a batch.
        """
        self.routers.append(
            dead_letter_routes.router(
                self.engine,
                self.applies,
                self.settings.internal_token,
                ineligible,
                self.settings.verifier.verify,
            )
        )

    def app(self) -> FastAPI:
        """The HTTP application. The loops run as long as it does."""
        app = self.application(
            title=f"paydown {self.name}",
            lifespan=self._run_loops,
            docs_url=None,
            redoc_url=None,
            telemetry=NO_TELEMETRY,
            middleware=[
                Middleware(SignalsWork, give=self.work.give),
                *([Middleware(RequestTracing, public=self.public)] if tracing.is_on() else []),
                *self.middleware,
                *([] if self.public else [self._signed_calls_only()]),
                Middleware(
                    ReadOnlyWhileClosed, closed_because=lambda: self.startup_gate.closed_because
                ),
            ],
        )
        install_error_handlers(app)
        app.include_router(
            health.router(
                self.name,
                health.Probes(
                    self.supervisor.ages,
                    self.readiness,
                    lambda: self.startup_gate.quarantined_because,
                    self._all_gauges,
                    self.world.sentences,
                    self.consumer_watch.meter.applied_ages_s,
                    self._outbox_age_s,
                ),
            )
        )
        if self.startup_gate.own_topics:
            app.include_router(restored_routes.router(self.engine, self.settings.internal_token))
        for router in self.routers:
            app.include_router(router)
        return app

    def _signed_calls_only(self) -> Middleware:
        return Middleware(
            SignedCallsOnly,
            service=self.name,
            verifier=self.settings.call_verifier,
            clock=time.time,
            accept_unsigned=self.settings.accept_unsigned,
        )

    @asynccontextmanager
    async def _run_loops(self, app: FastAPI) -> AsyncIterator[None]:
        """Run the loops while the application runs; wait at most 6 s for their end."""
        stop = threading.Event()
        threads: list[threading.Thread] = []

        def gate(stop: threading.Event, beat: Beat) -> None:
            self._open_gate(stop, beat, threads)

        first = [Loop("startup-gate", gate)]
        if self.consumers:
            first.append(Loop("consumer-watch", self.consumer_watch.run))
        first.append(Loop("world-checks", self._check_world))
        threads += self.supervisor.start(first, stop)
        if self.lifespan is None:
            yield
        else:
            async with self.lifespan(app):
                yield
        stop.set()
        self.work.give()  # who waits for it sees that it is to stop
        until = time.monotonic() + STOP_S
        for thread in tuple(threads):
            thread.join(max(0.0, until - time.monotonic()))
        tracing.stop()

    def _check_world(self, stop: threading.Event, beat: Beat) -> None:
        """Refuse a pooler that shares sessions as soon as there is a database; then check on."""
        if not self.pooler_checked:
            pooler.refuse_shared_sessions(self.engine)
            self.pooler_checked = True
        self.world.run(stop, beat)

    def _open_gate(
        self, stop: threading.Event, beat: Beat, threads: list[threading.Thread]
    ) -> None:
        """Start the loops once the startup gate is open; then watch the database."""
        self.startup_gate.wait(
            stop,
            beat,
            self.consumers,
            lambda caught_up: self.supervisor.start(self.consumers.values(), caught_up),
        )
        if not stop.is_set():
            threads += self.supervisor.start(self.loops, stop)
            self.startup_gate.watch(stop, beat)

    def serve(self) -> None:
        """Run until SIGTERM.

        If the port is taken or the database cannot be used, write one sentence to stderr and
        exit with code 2.
        """
        configure(self.name, self.settings.log_level)
        read = {topic.producer for topic in self.consumers}
        start_checks.check_keys(self.name, self.settings, read, is_gateway=self.public)
        start_checks.check_schema(self.name, self.engine, self.migrations)
        self.pooler_checked = start_checks.check_pooler(self.name, self.engine)
        listener = start_checks.listen(self.name, self.settings)
        self._start_tracing()
        config = self.server_config()
        # What is loaded now stays. To look through it at each collection cost one message in
        # twenty.
        gc.freeze()
        log.info("serving", port=self.settings.port)
        QuietServer(config).run(sockets=[listener])

    def server_config(self) -> uvicorn.Config:
        """How this service is served over HTTP."""
        return uvicorn.Config(
            self.app(),
            log_config=None,
            access_log=False,
            loop="uvloop",
            http=BoundedHeadProtocol,
            # The server's default trusts every caller on this machine.
            proxy_headers=bool(self.trusted_proxies),
            forwarded_allow_ips=self.trusted_proxies,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=75,
            server_header=False,
        )

    def _start_tracing(self) -> None:
        """Record spans from now on, if a setting names a collector."""
        if self.settings.traces_url:
            from libs.common.observability import otlp_exporter  # noqa: PLC0415 - loads the SDK

            otlp_exporter.start_export(
                self.name, self.settings.traces_url, self.settings.traces_share
            )

    def _at_head(self) -> bool:
        return migrate.at_head(self.engine, self.migrations)

    def readiness(self) -> dict[str, bool]:
        """Each check by name. A quarantined service reads no topic, but it answers people."""
        checks = {"migrations": self._at_head}
        if not self.startup_gate.quarantined_because:
            if self.startup_gate.own_topics:
                checks["open"] = lambda: not self.startup_gate.closed_because
            checks |= self.ready
        return health.run_checks(checks)

    def _outbox_age_s(self) -> float:
        publishes = any(topic.producer == self.name for topic in TOPICS)
        return health.read_outbox_age_s(self.engine, self.outbox_age) if publishes else 0.0

    def _all_gauges(self) -> dict[str, float]:
        """The figures of messaging, of the quarantine, and the service's own."""
        gauges: dict[str, float] = {
            "started_at_seconds": self.started_at_s,
            "world_findings": float(len(self.world.sentences())),
        }
        if self.consumers:
            gauges |= self.consumer_watch.gauges()
        if self.startup_gate.own_topics:
            gauges["database_held"] = float(bool(self.startup_gate.quarantined_because))
        with self.engine.connect() as connection:
            gauges |= health.messaging_gauges(connection, self.settings.forged, self.outbox_age)
            gauges |= read_gauges(connection, self.gauges)
        return gauges
