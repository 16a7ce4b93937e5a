"""What every service is: loops in threads and HTTP with health and metrics, in one process that ends when a loop ends."""

import gc
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from confluent_kafka import KafkaException
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware

from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import Topic
from libs.common.database import migrate
from libs.common.database.engine import connect, is_unavailable, run
from libs.common.messaging import consumer, dead_letters, kafka, outbox
from libs.common.observability import tracing
from libs.common.observability.logs import configure, frames, log
from libs.common.recovery import startup_gate
from libs.common.recovery.startup_gate import ReadOnlyWhileClosed, StartupGate
from libs.common.runtime.settings import ServiceSettings
from libs.common.web import request_tracing
from libs.common.web.problem_details import install_error_handlers

STALE_S = 90.0  # a loop that has not ticked for so long is stuck; a provider call may take 30 s
STOP_S = 6.0
#: The framework's own spans and logs hold queries and the texts of exceptions, and a variable of its own would switch their export on.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

Beat = Callable[[], None]
Run = Callable[[threading.Event, Beat], None]


@dataclass(frozen=True)
class Loop:
    """A thread of a service: `run(stop, beat)` works until `stop` is set and calls `beat` on every turn."""

    name: str
    run: Run


@dataclass
class Service:
    """The parts of one service; `serve` starts it. Gauges are asked for at each scrape."""

    name: str
    settings: ServiceSettings
    migrations: Path
    engine: Engine = field(init=False)
    loops: list[Loop] = field(default_factory=list)
    routers: list[APIRouter] = field(default_factory=list)
    ready: dict[str, Callable[[], bool]] = field(default_factory=dict)
    gauges: dict[str, Callable[[], float]] = field(default_factory=dict)
    applies: dict[str, consumer.Apply] = field(default_factory=dict)
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
    middleware: list[Middleware] = field(default_factory=list)
    ticks: dict[str, float] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    consumed: dict[Topic, Loop] = field(default_factory=dict)
    startup_gate: StartupGate = field(init=False)
    public: bool = False  # its callers are people

    def __post_init__(self) -> None:
        self.engine = connect(self.settings.database_url, f"paydown-{self.name}")
        self.startup_gate = StartupGate(
            self.name,
            self.engine,
            self.settings.kafka,
            lambda: migrate.at_head(self.engine, self.migrations),
        )

    def consumer(self, topic: Topic, apply: consumer.Apply) -> None:
        """Add the loop that consumes a topic; the consumer's name is `<service>.<topic>`."""
        name = f"{self.name}.{topic.name}"
        self.applies[name] = apply
        joined = threading.Event()
        self.ready[f"group {topic.name}"] = joined.is_set

        def loop(stop: threading.Event, beat: Beat) -> None:
            offsets = kafka.Offsets(self.engine, name)
            source = kafka.KafkaSource(
                self.settings.kafka,
                name,
                topic.name,
                offsets.load,
                self.settings.batch_max,
                self.settings.session_timeout_ms,
            )

            def tick() -> None:
                beat()
                with suppress(
                    KafkaException
                ):  # a figure that cannot be had keeps its last value and ends nothing
                    self.lags[name] = source.lag()
                if source.joined:
                    joined.set()

            try:
                consumer.consume(source, self.engine, name, apply, stop, tick)
            finally:
                source.close()

        self.loops.append(Loop(name, loop))
        self.consumed[topic] = self.loops[-1]

    def relay(self) -> None:
        """Add the loop that carries the outbox to Kafka."""
        self.loops.append(
            Loop(
                "relay",
                lambda stop, beat: outbox.relay(
                    self.engine, kafka.producer(self.settings.kafka), stop, beat, self.name
                ),
            )
        )

    def dead_letters(
        self, barred: dead_letters.IneligiblePeople = dead_letters.no_one_ineligible
    ) -> None:
        """Add the internal routes for people: list dead letters, apply one again (not those who are `barred`)."""
        self.routers.append(
            dead_letters.router(self.engine, self.applies, self.settings.internal_token, barred)
        )

    def app(self) -> FastAPI:
        """The HTTP application, with the loops bound to its lifetime."""
        stop = threading.Event()

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            threads: list[threading.Thread] = []
            threads += self._start(
                [Loop("standing", lambda stop, beat: self._begin(stop, beat, threads))], stop
            )
            if self.lifespan is None:
                yield
            else:
                async with self.lifespan(app):
                    yield
            stop.set()
            until = time.monotonic() + STOP_S
            for thread in tuple(threads):
                thread.join(max(0.0, until - time.monotonic()))
            tracing.stop()

        traced = (
            [Middleware(request_tracing.RequestTracing, public=self.public)]
            if tracing.is_on()
            else []
        )
        app = FastAPI(
            title=f"paydown {self.name}",
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
            telemetry=NO_TELEMETRY,
            middleware=[
                *traced,
                *self.middleware,
                Middleware(ReadOnlyWhileClosed, closed=lambda: self.startup_gate.closed),
            ],
        )
        install_error_handlers(app)
        app.include_router(self._health())
        if self.startup_gate.says:
            app.include_router(startup_gate.router(self.engine, self.settings.internal_token))
        for router in self.routers:
            app.include_router(router)
        return app

    def _start(self, loops: Iterable[Loop], stop: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._run, args=(loop, stop), name=loop.name, daemon=True)
            for loop in loops
        ]
        for thread in threads:
            thread.start()
        return threads

    def _begin(self, stop: threading.Event, beat: Beat, threads: list[threading.Thread]) -> None:
        """The first loop: it starts the others once the database is known to be whole, or is released."""
        self.startup_gate.wait(
            stop, beat, self.consumed, lambda enough: self._start(self.consumed.values(), enough)
        )
        if not stop.is_set():
            threads += self._start(self.loops, stop)
            self.startup_gate.watch(stop, beat)

    def serve(self) -> None:
        """Run until SIGTERM. Exit code 2 and one sentence if the port is taken or the database cannot be used."""
        configure(self.name, self.settings.log_level)
        self._check_database()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.settings.host, self.settings.port))
        except OSError as error:
            sys.stderr.write(
                f"{self.name}: port {self.settings.port} cannot be used ({error.strerror}); set PAYDOWN_{self.name.upper()}_PORT.\n"
            )
            sys.exit(2)
        self._trace()
        config = uvicorn.Config(
            self.app(),
            log_config=None,
            access_log=False,
            loop="uvloop",
            http="httptools",
            timeout_graceful_shutdown=3,
            timeout_keep_alive=75,
            server_header=False,
        )
        gc.freeze()  # what is loaded now stays: looking through it again and again cost one message in twenty
        log.info("serving", port=self.settings.port)
        uvicorn.Server(config).run(sockets=[listener])

    def _trace(self) -> None:
        """Record spans from now on, if a setting names a collector."""
        if self.settings.traces_url:
            from libs.common.observability import otlp_exporter  # noqa: PLC0415 - the SDK is loaded only by those who want it

            otlp_exporter.start_export(
                self.name, self.settings.traces_url, self.settings.traces_share
            )

    def _check_database(self) -> None:
        """Exit code 2 and one sentence if a newer version has changed the database; one that is away is waited for later."""
        try:
            migrate.refuse_newer(self.engine, self.migrations)
        except migrate.SchemaTooNew as error:
            sys.stderr.write(f"{self.name}: {error}\n")
            sys.exit(2)
        except (SQLAlchemyError, OSError):
            pass

    def _run(self, loop: Loop, stop: threading.Event) -> None:
        """One loop, for as long as the process lives; a loop that ends by an error takes the process with it."""

        def beat() -> None:
            self.ticks[loop.name] = time.monotonic()

        beat()
        wait_s = 0.2
        while not stop.is_set():
            try:
                loop.run(stop, beat)
            except (SQLAlchemyError, Retry) as error:
                if isinstance(error, Retry) or is_unavailable(
                    error
                ):  # a server is being restarted: wait for it here instead of starting Python again
                    log.warning(
                        "loop_begins_again",
                        loop=loop.name,
                        error=type(error).__name__,
                        code=getattr(error, "code", None),
                    )
                    beat()
                    stop.wait(wait_s)
                    wait_s = min(wait_s * 2, 3.0)
                    continue
                self._die(loop, error)
            except BaseException as error:  # noqa: BLE001 - whatever it is, nothing may go on without this loop
                self._die(loop, error)
            else:
                if not stop.is_set():
                    log.error("loop_ended", loop=loop.name)
                    os._exit(70)
                self.ticks.pop(
                    loop.name, None
                )  # it was told to end: that it ticks no more is no sign of trouble
                return

    def _die(self, loop: Loop, error: BaseException) -> None:
        log.critical(
            "loop_failed",
            loop=loop.name,
            error=type(error).__name__,
            code=getattr(error, "code", None),
            traceback=frames(error),
        )
        sys.stdout.flush()
        os._exit(70)

    def live(self) -> dict[str, float]:
        """Seconds since each loop's last tick."""
        now = time.monotonic()
        return {name: round(now - at, 1) for name, at in self.ticks.items()}

    def readiness(self) -> dict[str, bool]:
        """Each check by name. A check that cannot be made has failed."""
        checks: dict[str, Callable[[], bool]] = {
            "migrations": lambda: migrate.at_head(self.engine, self.migrations)
        }
        if not self.startup_gate.held:
            opened = (
                {"open": lambda: not self.startup_gate.closed} if self.startup_gate.says else {}
            )
            checks |= {
                **opened,
                **self.ready,
            }  # while it is held it reads no topic, but it answers people
        found = {}
        for name, check in checks.items():
            try:
                found[name] = check()
            except (SQLAlchemyError, OSError):
                found[name] = False
        return found

    def _health(self) -> APIRouter:
        router = APIRouter()

        @router.get("/health/live", include_in_schema=False)
        def health_live(response: Response) -> dict[str, object]:
            ages = self.live()
            alive = all(age < STALE_S for age in ages.values())
            response.status_code = 200 if alive else 503
            return {"live": alive, "loops": ages}

        @router.get("/health/ready", include_in_schema=False)
        def health_ready(response: Response) -> dict[str, object]:
            checks = self.readiness()
            response.status_code = 200 if all(checks.values()) else 503
            return {"ready": all(checks.values()), "checks": checks, "held": self.startup_gate.held}

        @router.get("/metrics", include_in_schema=False)
        def metrics(_: Request) -> Response:
            return Response(generate_latest(self._registry()), media_type=CONTENT_TYPE_LATEST)

        return router

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        held = (
            {"database_held": float(bool(self.startup_gate.held))} if self.startup_gate.says else {}
        )
        for name, value in {
            **self._messaging(),
            **held,
            **{name: read() for name, read in self.gauges.items()},
        }.items():
            Gauge(f"paydown_{self.name}_{name}", name.replace("_", " "), registry=registry).set(
                value
            )
        return registry

    def _messaging(self) -> dict[str, float]:
        with self.engine.connect() as connection:
            tables = {
                row[0]
                for row in run(
                    connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                )
            }
            found: dict[str, float] = (
                {"lag": float(sum(self.lags.values()))} if self.applies else {}
            )
            if "outbox" in tables:
                row = run(
                    connection,
                    """SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS age_s
                                         FROM outbox WHERE published_at IS NULL""",
                ).one()
                found |= {
                    "outbox_waiting": float(row.waiting),
                    "outbox_age_seconds": float(row.age_s),
                }
            if "dead_letter" in tables:
                found["dead_letters"] = float(
                    run(
                        connection, "SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL"
                    ).scalar()
                    or 0
                )
            return found


def take_turns(
    turns: Iterable[Callable[[], object]], stop: threading.Event, beat: Beat, every_s: float
) -> None:
    """Call each function in turn until `stop`; sleep only when none of them found work (returned something true)."""
    turns = tuple(turns)
    while not stop.is_set():
        beat()
        found = [turn() for turn in turns]
        if not any(found):
            stop.wait(every_s)
