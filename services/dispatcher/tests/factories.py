"""A dispatcher without Kafka: its real parts on a real database, against the real simulator; what it says lies in the outbox."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx
from sqlalchemy import Engine

from libs.common.contracts.events import (
    BatchChanged,
    Counts,
    PaidRow,
    PaymentApproved,
    RowRead,
    Source,
)
from libs.common.crypto.field_encryption import BlindIndex, FieldCipher
from libs.common.database import migrate
from libs.common.database.engine import connect, run
from services.dispatcher import consumers
from services.dispatcher.preparation.preflight import Preflight
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider import rate_limiter
from services.dispatcher.provider.client import Provider
from services.dispatcher.provider.reader import Reader
from services.dispatcher.sending import provider_accounts
from services.dispatcher.sending.payments import PaymentWork
from services.dispatcher.sending.provider_accounts import ObjectWork
from services.dispatcher.sending.worker import Work, pump
from services.dispatcher.settings import FAST_TIMING
from services.dispatcher.tracking.polling import StatusPoller
from services.dispatcher.tracking.statements import Statements

SEALER = FieldCipher.parse("k1:" + base64.b64encode(bytes(range(32))).decode())
INDEX = BlindIndex(bytes(32))
AT = datetime(2026, 11, 20, tzinfo=UTC)
INSTITUTION = "ins_116944"


class Simulator:
    """A simulator process on a free port."""

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
        wait(lambda: self.get("/health/ready") is not None, 20)

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + path)
        except httpx.HTTPError:
            return None

    def put(self, what: str, order: dict[str, Any]) -> None:
        httpx.put(f"{self.url}/_simulator/{what}", json=order).raise_for_status()

    def payments(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/_simulator/books/payments")
        return [json.loads(line) for line in answer.text.splitlines() if line]

    def calls(self) -> dict[str, int]:
        found: dict[str, int] = httpx.get(f"{self.url}/_simulator/books").json()["calls"]
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class World:
    """The loops of a dispatcher as threads over one database; several may share it."""

    def __init__(self, urls: tuple[str, str], simulator: Simulator, concurrency: int = 4) -> None:
        migrate.upgrade(urls[1], Path("services/dispatcher/migrations"))
        self.engine: Engine = connect(urls[0], "test", 16)
        self.simulator = simulator
        self.stop = threading.Event()
        self.provider = Provider(simulator.url, "sk_test", "2025-07-04", FAST_TIMING.timeout_s)
        self.concurrency = concurrency
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        rate_limiter.configure(self.engine, rate_limiter.PROFILES["demo"])

    def start(self) -> None:
        reader = Reader(self.engine, self.provider, self.stop, lambda: None)
        preparer = Provisioner(self.engine, reader)
        preflight, follower = (
            Preflight(self.engine, reader, preparer, 10.0),
            StatusPoller(self.engine, reader, FAST_TIMING),
        )
        statements = Statements(self.engine, reader, FAST_TIMING)
        self._thread(
            self._pumping(
                ObjectWork(FAST_TIMING, SEALER, "2025-07-04", lambda: self.provider.last_date)
            )
        )
        self._thread(self._pumping(PaymentWork(FAST_TIMING, lambda: self.provider.last_date)))
        self._thread(
            self._turning(
                preflight.check,
                preparer.prepare,
                preparer.link,
                preparer.wake,
                preparer.start,
                preparer.give_up,
            )
        )
        self._thread(
            self._turning(
                follower.poll,
                follower.look_up,
                follower.sweep,
                lambda: provider_accounts.look_up(self.engine, reader, FAST_TIMING),
            )
        )
        self._thread(self._turning(statements.take))

    def _pumping(self, work: Work) -> Callable[[], None]:
        return lambda: pump(
            work,
            self.engine,
            self.provider,
            self.concurrency,
            self.stop,
            lambda: None,
            lambda _: None,
        )

    def _turning(self, *turns: Callable[[], bool]) -> Callable[[], None]:
        def loop() -> None:
            while not self.stop.is_set():
                for turn in turns:
                    turn()
                self.stop.wait(0.1)

        return loop

    def _thread(self, target: Callable[[], None]) -> None:
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
        return {
            r.status: r.n
            for r in self.sql(
                "SELECT status, count(*) AS n FROM payment WHERE batch_id = :b GROUP BY 1",
                b=batch_id,
            )
        }

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [
            json.loads(r.body)
            for r in self.sql(
                "SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind
            )
        ]


def wait(condition: Callable[[], Any], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def batch(
    world: World,
    batch_id: UUID,
    count: int,
    status: str = "approved",
    version: int = 3,
    zip_code: str = "50613",
    institution: str = INSTITUTION,
    tag: str = "a",
) -> None:
    """A batch of `count` payments of one row each, five rows a person, two sources, as ingest would announce it."""
    sources = [
        Source(
            source_account_id=f"CORP-{i}",
            payor_name="Dunkin",
            dba="Dunkin",
            ein="32120240",
            aba_routing=routing,
            account_last4=number[-4:],
            account=SEALER.seal(number, "account", f"{batch_id}/CORP-{i}"),
            account_index=INDEX.of("account", routing, number),
            address={"line1": "999 Hayes", "city": "Kerlukemouth", "state": "IA", "zip": zip_code},
        )
        for i, (routing, number) in enumerate(
            [("403911437", "40909581"), ("547414133", "93785544")]
        )
    ]
    rows, payments = [], []
    for i in range(count):
        row_id, payment_id = uuid5(batch_id, str(i + 1)), uuid5(batch_id, f"payment-{i + 1}")
        person = ("Ida", "Li", "1990-01-02", f"+1512312{i // 5:04d}")
        loan, source = f"{tag}{i:07d}", sources[i % 2]
        person_index, loan_index = INDEX.of("person", *person), INDEX.of("loan", institution, loan)
        sealed = {
            name: SEALER.seal(value, name, str(row_id))
            for name, value in zip(("first_name", "last_name", "dob", "phone"), person, strict=True)
        }
        rows.append(
            RowRead(
                event_id=uuid5(row_id, "read"),
                occurred_at=AT,
                row_id=row_id,
                root_row_id=row_id,
                batch_id=batch_id,
                revision=1,
                file_row=i + 1,
                status="payable",
                payment_id=payment_id,
                employee_id=f"EMP-{i // 5}",
                branch_id="BRC-1",
                source_account_id=source.source_account_id,
                institution_id=institution,
                loan_last4=loan[-4:],
                loan_index=loan_index,
                person_index=person_index,
                amount_text="$1.00",
                amount_cents=100 + i,
                loan=SEALER.seal(loan, "loan", str(row_id)),
                **sealed,
            )
        )
        payments.append(
            PaymentApproved(
                event_id=uuid5(payment_id, "approved"),
                occurred_at=AT,
                payment_id=payment_id,
                batch_id=batch_id,
                digest="sha256:x",
                period="2026-11-20",
                amount_cents=100 + i,
                rows=(
                    PaidRow(
                        row_id=row_id,
                        root_row_id=row_id,
                        file_row=i + 1,
                        branch_id="BRC-1",
                        amount_cents=100 + i,
                    ),
                ),
                source_account_id=source.source_account_id,
                account_index=source.account_index,
                source_routing=source.aba_routing,
                source_last4=source.account_last4,
                employee_id=f"EMP-{i // 5}",
                person_index=person_index,
                institution_id=institution,
                loan_last4=loan[-4:],
                loan_index=loan_index,
                approved_by="someone",
                approved_at=AT,
            )
        )
    cents = sum(p.amount_cents for p in payments)
    with world.engine.begin() as connection:
        consumers.batches(
            connection,
            [
                BatchChanged(
                    event_id=uuid5(batch_id, f"v{version}"),
                    occurred_at=AT,
                    batch_id=batch_id,
                    version=version,
                    status=status,
                    revision=1,
                    digest="sha256:x",
                    family_id=batch_id,
                    period="2026-11-20",
                    uploaded_by="p",
                    uploaded_at=AT,
                    rows=Counts(total=count, payable=count),
                    sources=tuple(sources),
                    institutions=(institution,),
                    row_messages=count,
                    payments=count if status == "approved" else 0,
                    payments_cents=cents if status == "approved" else 0,
                )
            ],
        )
        consumers.rows(connection, rows)
        if status == "approved":
            consumers.payments(connection, payments)
