"""The whole system on free ports, its API as the demo people, and what must be true after a run by the provider's own books."""

import csv
import io
import itertools
import json
import os
import random
import signal
import subprocess
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx

from devtools import paths
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack

SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports", "gateway")
FINAL = {"completed", "completed_with_failures", "cancelled", "rejected", "discarded"}
#: Columns that may differ between two runs of one roster: ids, times and the number of attempts.
RUN_COLUMNS = {
    "batch_id",
    "row_id",
    "payment_id",
    "provider_payment_id",
    "source_trace_id",
    "destination_trace_id",
    "attempts",
    "approved_at",
    "created_at",
    "updated_at",
    "completed_at",
    "reversal_id",
    "provider_status",
}
FAULTS = [
    {"method": "POST", "path": "/payments", "share": 0.03, "fault": "lose_answer"},
    {"method": "POST", "path": "/payments", "share": 0.02, "fault": "lose_request"},
    {
        "method": "POST",
        "path": "/payments",
        "share": 0.02,
        "fault": "status",
        "status": 500,
        "execute": True,
        "stored": True,
    },
    {
        "method": "POST",
        "path": "/payments",
        "share": 0.02,
        "fault": "status",
        "status": 500,
        "execute": False,
        "stored": True,
    },
    {"method": "POST", "path": "/accounts", "share": 0.02, "fault": "lose_answer"},
    {
        "method": "POST",
        "path": "/accounts",
        "share": 0.01,
        "fault": "status",
        "status": 500,
        "execute": True,
        "stored": True,
    },
    {"method": "POST", "path": "/entities", "share": 0.02, "fault": "lose_answer"},
]
Report = list[dict[str, str]]


class System:
    """A running stack and its people."""

    def __init__(
        self, stack: Stack, kill: Callable[[int], None] = lambda pid: os.kill(pid, signal.SIGKILL)
    ) -> None:
        self.stack, self.kill = stack, kill
        self.api = f"{stack.ports.url('gateway')}/api/v1"
        self.simulator = f"{stack.ports.url('simulator')}/_simulator"

    def call(self, method: str, path: str, person: str, **more: Any) -> httpx.Response | None:
        """One request; None if no answer came."""
        try:
            return httpx.request(
                method,
                self.api + path,
                headers={"Authorization": f"Bearer demo-{person}"},
                timeout=60,
                **more,
            )
        except httpx.HTTPError:
            return None

    def get(self, path: str, limit_s: float = 240) -> httpx.Response:
        """An answer of 200; a service that is away is asked again."""
        until = time.monotonic() + limit_s
        while True:
            answer = self.call("GET", path, "auditor")
            if answer is not None and answer.status_code == 200:
                return answer
            assert time.monotonic() < until, (
                path,
                answer and (answer.status_code, answer.text[:300]),
            )
            time.sleep(0.3)

    def batch(self, batch_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/batches/{batch_id}").json()
        return found

    def wait(self, batch_id: str, statuses: set[str], limit_s: float) -> dict[str, Any]:
        until = time.monotonic() + limit_s
        while True:
            batch = self.batch(batch_id)
            if batch["status"] in statuses:
                return batch
            assert batch["status"] not in FINAL, batch
            assert time.monotonic() < until, (
                batch["status"],
                batch["payments"],
                self.stack.status(),
            )
            time.sleep(0.4)

    def ready(self, xml: bytes, **query: str) -> dict[str, Any]:
        answer = self.call(
            "POST", "/batches", "preparer", content=xml, params={"filename": "roster.xml", **query}
        )
        assert answer is not None
        assert answer.status_code == 202, answer.text
        return self.wait(answer.json()["batch_id"], {"ready"}, 120)

    def corrected(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch after the offered corrections."""
        if not batch["corrections_offered"]:
            return batch
        answer = self.call(
            "POST",
            f"/batches/{batch['batch_id']}/corrections",
            "preparer",
            json={"corrections": batch["corrections_offered"]},
        )
        assert answer is not None
        assert answer.status_code in (200, 202), answer.text
        eventually(
            lambda: self.batch(batch["batch_id"])["digest"] not in (None, batch["digest"]), 60
        )
        return self.wait(batch["batch_id"], {"ready"}, 60)

    def approve(self, batch: dict[str, Any]) -> None:
        answer = self.call(
            "POST",
            f"/batches/{batch['batch_id']}/approve",
            "approver",
            json={"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
        )
        assert answer is not None
        assert answer.status_code == 200, answer.text

    def approve_until_done(self, batch: dict[str, Any]) -> None:
        """Approve while processes die: the same approval again is the same answer."""

        def approved() -> bool:
            answer = self.call(
                "POST",
                f"/batches/{batch['batch_id']}/approve",
                "approver",
                json={"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
            )
            return answer is not None and answer.status_code == 200

        eventually(approved, 60)

    def simulate(self, what: str, order: dict[str, Any]) -> None:
        httpx.put(f"{self.simulator}/{what}", json=order).raise_for_status()

    def book(self, kind: str) -> list[dict[str, Any]]:
        """One of the provider's books."""
        return [
            json.loads(line)
            for line in httpx.get(f"{self.simulator}/books/{kind}").text.splitlines()
            if line
        ]

    def calls(self) -> Counter[str]:
        return Counter(httpx.get(f"{self.simulator}/books").json()["calls"])

    def reports(self, batch_id: str) -> dict[str, Report]:
        """The three reports of one moment: the archive is written from one snapshot."""
        with zipfile.ZipFile(
            io.BytesIO(self.get(f"/batches/{batch_id}/reports/all.zip").content)
        ) as archive:
            return {
                name.removesuffix(".csv"): list(
                    csv.DictReader(io.StringIO(archive.read(name).decode(), newline=""))
                )
                for name in archive.namelist()
                if name.endswith(".csv")
            }

    def rebuild(self, name: str) -> subprocess.CompletedProcess[str]:
        """`python -m services rebuild ledger|reports` with the stack's settings."""
        return subprocess.run(
            [str(paths.PYTHON), "-m", "services", "rebuild", name],
            cwd=paths.ROOT,
            env=self.stack.env_for_all_services(),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )


@contextmanager
def running(state: Path, prefix: str, **settings: str) -> Iterator[System]:
    """A stack of its own on free ports, with these settings; nothing of it remains."""
    stack = Stack(state, Ports.free(), settings, prefix)
    try:
        with stack:
            yield System(stack)
    finally:
        stack.remove()


def eventually(check: Callable[[], Any], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.4)


@contextmanager
def nemesis(
    system: System, seed: int, every_s: float = 1.5, once: Iterable[str] = ()
) -> Iterator[Counter[str]]:
    """kill -9 one process after the other: those of `once` in their order, else by chance, services four times as often as Kafka and PostgreSQL."""
    stop, killed, chance = threading.Event(), Counter[str](), random.Random(seed)
    names = [*SERVICES * 4, "kafka", "postgres"]
    order = iter(once) if once else (chance.choice(names) for _ in itertools.count())

    def kill() -> None:
        for name in order:
            if stop.wait(every_s):
                return
            pid = next((one.pid for one in system.stack.status() if one.name == name), 0)
            if pid and not stop.is_set():
                try:
                    system.kill(pid)
                    killed[name] += 1
                except ProcessLookupError:
                    continue

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join(30)


def paid_under_kills(
    system: System,
    xml: bytes,
    seed: int,
    limit_s: float = 400,
    earlier: Iterable[bytes] = (),
    **kills: Any,
) -> dict[str, Any]:
    """Take a roster to its end with the provider at its worst and processes killed from before the approval on; what came of it.

    `earlier` are the rosters that the provider has paid already; `kills` is what `nemesis` takes.
    """
    batch = system.corrected(system.ready(xml))
    system.simulate("faults", {"seed": seed, "rules": FAULTS})
    system.simulate("webhooks", {"mode": "shuffled"})
    with nemesis(system, seed, **kills) as killed:
        system.approve_until_done(batch)
        ended = system.wait(batch["batch_id"], {"completed"}, limit_s)
    return {
        "batch": ended,
        "killed": killed,
        "cents": paid_exactly_once(system, xml, *earlier),
        "report": reports_agree(system, batch["batch_id"], xml),
    }


def rows_of(xml: bytes) -> list[dict[str, Any]]:
    """The roster read by another reader than ours."""

    def text(row: ET.Element, path: str) -> str:
        return row.findtext(path) or ""

    return [
        {
            "file_row": str(n),
            "source": (text(r, "Payor/ABARouting"), text(r, "Payor/AccountNumber")),
            "employee": text(r, "Employee/DunkinId"),
            "phone": text(r, "Employee/PhoneNumber"),
            "institution": text(r, "Payee/PlaidId"),
            "loan": text(r, "Payee/LoanAccountNumber"),
            "cents": int(text(r, "Amount").replace("$", "").replace(".", "")),
        }
        for n, r in enumerate(ET.fromstring(xml), start=1)
    ]


def paid_exactly_once(system: System, *rosters: bytes) -> int:
    """Of these rosters the provider's books hold each payable (source, loan) once, with its exact sum, for the right person; the total in cents."""
    merchants = {m["id"]: set(m["plaid"]) for m in system.book("merchants")}
    payable = {i for plaid in merchants.values() for i in plaid}
    expected: Counter[tuple[Any, ...]] = Counter()
    for row in (row for xml in rosters for row in rows_of(xml)):
        if row["institution"] in payable:
            expected[(row["source"], row["institution"], row["loan"], row["phone"])] += row["cents"]
    accounts, entities = (
        {a["id"]: a for a in system.book("accounts")},
        {e["id"]: e for e in system.book("entities")},
    )
    found: dict[tuple[Any, ...], list[int]] = {}
    for payment in system.book("payments"):
        assert payment["idempotency_key"]
        if payment["status"] in ("failed", "canceled"):
            continue
        source, loan = accounts[payment["source"]], accounts[payment["destination"]]
        (institution,) = [i for i in merchants[loan["mch_id"]] if i.startswith("ins_")]
        key = (
            (source["routing"], source["number"]),
            institution,
            loan["number"],
            entities[loan["holder_id"]]["phone"],
        )
        found.setdefault(key, []).append(payment["amount"])
    assert {k: v for k, v in found.items() if len(v) > 1} == {}
    assert {k: v[0] for k, v in found.items()} == dict(expected)
    return sum(expected.values())


def reports_agree(system: System, batch_id: str, xml: bytes) -> Report:
    """Sum of sources = sum of branches = sum over payments for every outcome, and together they are the file's total."""
    found = system.reports(batch_id)
    payments, sources, branches = found["payments"], found["sources"], found["branches"]
    total = sum(row["cents"] for row in rows_of(xml))
    outcomes = [column for column in sources[0] if column.endswith("_amount")]
    for column in ("amount", *outcomes):
        assert sum(cents(line[column]) for line in sources) == sum(
            cents(line[column]) for line in branches
        ), column
    for listed in (sources, branches):
        assert (
            sum(cents(line["amount"]) for line in listed)
            == sum(cents(line[c]) for line in listed for c in outcomes)
            == total
        )
    assert sum(int(line["amount_cents"]) for line in payments) == total
    assert len(payments) == len(rows_of(xml))
    return payments


def cents(text: str) -> int:
    whole, _, part = text.partition(".")
    assert len(part) == 2
    return int(whole + part)


def comparable(report: Report) -> Report:
    """A report without what may differ between two runs."""
    return sorted(
        ({k: v for k, v in line.items() if k not in RUN_COLUMNS} for line in report),
        key=lambda line: int(line["file_row"]),
    )
