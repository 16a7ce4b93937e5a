"""A dispatcher that runs: its loops as threads on a real database, against the real simulator.

There is no Kafka; what it publishes lies in the outbox.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Provider
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending.payments import PaymentSender
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.sending.walked_batches import WalkedBatches
from services.dispatcher.sending.worker import Sender, Worker
from services.dispatcher.settings import FAST_TIMING
from services.dispatcher.tests.factories import CIPHER, approvals
from services.dispatcher.tracking.duplicates import DuplicateDetector
from services.dispatcher.tracking.lookup import PaymentLookup
from services.dispatcher.tracking.object_lookup import look_up_objects
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.provider_walk import ProviderWalker
from services.dispatcher.tracking.statements import StatementTaker

MIGRATIONS = Path("services/dispatcher/migrations")
VERSION = "2025-07-04"


class SimulatorProcess:
    """A simulator on a free port."""

    def __init__(self, folder: Path, port: int, profile: str = "demo") -> None:
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "PAYDOWN_SIMULATOR_PORT": str(port),
            "PAYDOWN_SIMULATOR_BOOKS": str(folder / "books.sqlite"),
            "PAYDOWN_SIMULATOR_PROFILE": profile,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator"], env=environment, stdout=subprocess.DEVNULL
        )
        wait_until(lambda: self.get("/health/ready") is not None, 20)

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + path)
        except httpx.HTTPError:
            return None

    def put_faults(self, seed: int, *rules: dict[str, Any]) -> None:
        body = {"seed": seed, "rules": list(rules)}
        httpx.put(f"{self.url}/_simulator/faults", json=body).raise_for_status()

    def payments(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/_simulator/books/payments")
        return [json.loads(line) for line in answer.text.splitlines() if line]

    def calls(self) -> dict[str, int]:
        found: dict[str, int] = httpx.get(f"{self.url}/_simulator/books").json()["calls"]
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class RunningDispatcher:
    """The loops of a dispatcher as threads; several may share one database."""

    def __init__(
        self, urls: tuple[str, str], simulator: SimulatorProcess, concurrency: int = 4
    ) -> None:
        migrate.upgrade(urls[1], MIGRATIONS)
        self.engine: Engine = connect(urls[0], "test", 16)
        self.simulator = simulator
        self.stop = threading.Event()
        self.provider = Provider(simulator.url, "sk_test", VERSION, FAST_TIMING.timeout_s)
        self.concurrency = concurrency
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        rate_limiter.configure(self.engine, rate_limiter.PROFILES["demo"])

    def start(self) -> None:
        reader = Reader(self.engine, self.provider, self.stop, lambda: None)
        self._start_workers()
        self._start_preparation(reader)
        self._start_tracking(reader)

    def _start_workers(self) -> None:
        objects = ProviderObjectSender(FAST_TIMING, CIPHER, VERSION, self.provider.clocks)
        self._start_thread(self._worker(objects))
        walked = WalkedBatches()
        self._start_thread(self._worker(PaymentSender(FAST_TIMING, self.provider.clocks, walked)))
        reader = Reader(self.engine, self.provider, self.stop, lambda: None)
        detector = DuplicateDetector(self.engine, reader, FAST_TIMING)
        self._start_thread(self._loop(ProviderWalker(self.engine, reader, detector, walked).walk))

    def _start_preparation(self, reader: Reader) -> None:
        provisioner = Provisioner(self.engine, reader, approvals())
        preflight = Preflight(self.engine, reader, provisioner, 10.0)
        turns = (
            preflight.check,
            provisioner.insert_objects,
            provisioner.link_payments,
            provisioner.catch_up,
            provisioner.start_batches,
            provisioner.end_unpayable,
        )
        self._start_thread(self._loop(*turns))

    def _start_tracking(self, reader: Reader) -> None:
        poller = StatusPoller(self.engine, reader, FAST_TIMING)
        lookup = PaymentLookup(self.engine, reader, FAST_TIMING)
        turns = (
            poller.poll,
            lookup.look_up,
            lookup.sweep,
            lambda: look_up_objects(self.engine, reader, FAST_TIMING),
        )
        self._start_thread(self._loop(*turns))
        detector = DuplicateDetector(self.engine, reader, FAST_TIMING)
        taker = StatementTaker(self.engine, reader, FAST_TIMING, detector)
        self._start_thread(self._loop(taker.take))

    def _worker(self, sender: Sender) -> Callable[[], None]:
        worker = Worker(sender, self.engine, self.provider, self.concurrency, lambda _: None)
        return lambda: worker.run(self.stop, lambda: None)

    def _loop(self, *turns: Callable[[], bool]) -> Callable[[], None]:
        def loop() -> None:
            while not self.stop.is_set():
                for turn in turns:
                    turn()
                self.stop.wait(0.1)

        return loop

    def _start_thread(self, target: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                target()
            except BaseException as error:  # noqa: BLE001 - shown by the test at its end
                self.errors.append(error)

        self.threads.append(threading.Thread(target=guarded, daemon=True))
        self.threads[-1].start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(10)
        self.engine.dispose()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            return list(run(connection, statement, **values))

    def statuses(self, batch_id: UUID) -> dict[str, int]:
        rows = self.sql(
            "SELECT status, count(*) AS n FROM payment WHERE batch_id = :b GROUP BY status",
            b=batch_id,
        )
        return {row.status: row.n for row in rows}

    def published(self, kind: str) -> list[dict[str, Any]]:
        rows = self.sql("SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind)
        return [json.loads(row.body) for row in rows]


def wait_until(condition: Callable[[], Any], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
