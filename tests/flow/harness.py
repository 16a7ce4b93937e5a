"""The whole system on free ports, and requests to its API as the demo people."""

import csv
import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from devtools import paths
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack

FINAL = {"completed", "completed_with_failures", "cancelled", "rejected", "discarded"}
Report = list[dict[str, str]]


class ProcessStatus(Protocol):
    """A process of a stack."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...


class StackUnderTest(Protocol):
    """What a system runs on: processes of this machine, or containers."""

    @property
    def ports(self) -> Ports: ...

    def status(self) -> Sequence[ProcessStatus]: ...


def kill_process(pid: int) -> None:
    """kill -9 on this machine."""
    os.kill(pid, signal.SIGKILL)


class System:
    """A running stack, and requests to its API."""

    def __init__(self, stack: StackUnderTest, kill: Callable[[int], None] = kill_process) -> None:
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

    def order(self, path: str, person: str, **more: Any) -> httpx.Response:
        """A POST that is answered."""
        answer = self.call("POST", path, person, **more)
        assert answer is not None
        return answer

    def get(self, path: str, limit_s: float = 240) -> httpx.Response:
        """An answer of 200. A service that is away is asked again."""
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

    def wait_until_paid(self, batch_id: str, limit_s: float) -> None:
        """Wait until every payment of an approved batch is completed."""
        until = time.monotonic() + limit_s
        while True:
            payments = self.batch(batch_id)["payments"]
            if payments and payments["completed"] == payments["total"] > 0:
                return
            assert time.monotonic() < until, (payments, self.stack.status())
            time.sleep(0.4)

    def upload(self, xml: bytes, filename: str = "roster.xml", **query: str) -> httpx.Response:
        params = {"filename": filename, **query}
        return self.order("/batches", "preparer", content=xml, params=params)

    def ready(self, xml: bytes, **query: str) -> dict[str, Any]:
        """Upload a roster and wait until its batch is ready."""
        answer = self.upload(xml, **query)
        assert answer.status_code == 202, answer.text
        return self.wait(answer.json()["batch_id"], {"ready"}, 120)

    def corrected(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch after the offered corrections."""
        if not batch["corrections_offered"]:
            return batch
        answer = self.order(
            f"/batches/{batch['batch_id']}/corrections",
            "preparer",
            json={"corrections": batch["corrections_offered"]},
        )
        assert answer.status_code in (200, 202), answer.text
        eventually(
            lambda: self.batch(batch["batch_id"])["digest"] not in (None, batch["digest"]), 60
        )
        return self.wait(batch["batch_id"], {"ready"}, 60)

    def approve(self, batch: dict[str, Any]) -> None:
        answer = self._approve(batch)
        assert answer is not None
        assert answer.status_code == 200, answer.text

    def approve_until_done(self, batch: dict[str, Any]) -> None:
        """Approve while processes die: the same approval again is the same answer."""

        def approved() -> bool:
            answer = self._approve(batch)
            return answer is not None and answer.status_code == 200

        eventually(approved, 60)

    def _approve(self, batch: dict[str, Any]) -> httpx.Response | None:
        return self.call(
            "POST",
            f"/batches/{batch['batch_id']}/approve",
            "approver",
            json={"digest": batch["digest"], "acknowledge": batch["to_acknowledge"]},
        )

    def control_simulator(self, what: str, order: dict[str, Any]) -> None:
        httpx.put(f"{self.simulator}/{what}", json=order).raise_for_status()

    def provider_records(self, kind: str) -> list[dict[str, Any]]:
        """All records of one kind at the provider."""
        return [
            json.loads(line)
            for line in httpx.get(f"{self.simulator}/books/{kind}").text.splitlines()
            if line
        ]

    def provider_calls(self) -> Counter[str]:
        """How often each of the provider's routes was called."""
        return Counter(httpx.get(f"{self.simulator}/books").json()["calls"])

    def reports(self, batch_id: str) -> dict[str, Report]:
        """The three reports as of one moment, because the archive is one snapshot."""
        content = self.get(f"/batches/{batch_id}/reports/all.zip").content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                name.removesuffix(".csv"): list(
                    csv.DictReader(io.StringIO(archive.read(name).decode(), newline=""))
                )
                for name in archive.namelist()
                if name.endswith(".csv")
            }


class LocalSystem(System):
    """A system of this machine's processes."""

    stack: Stack

    def run_command(self, *words: str, limit_s: float = 180) -> subprocess.CompletedProcess[str]:
        """`python -m <words>` with the settings of all services."""
        return subprocess.run(
            [str(paths.PYTHON), "-m", *words],
            cwd=paths.ROOT,
            env=self.stack.env_for_all_services(),
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )

    def rebuild(self, name: str) -> None:
        """`python -m services rebuild ledger|reports`: it must equal the live store."""
        done = self.run_command("services", "rebuild", name)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(
    state: Path, prefix: str, kind: type[Stack] = Stack, **settings: str
) -> Iterator[LocalSystem]:
    """A stack on free ports with these settings, which is removed at the end."""
    stack = kind(state, Ports.free(), settings, prefix)
    try:
        with stack:
            yield LocalSystem(stack)
    finally:
        stack.remove()


def eventually(check: Callable[[], Any], limit_s: float) -> None:
    """Wait until something becomes true."""
    until = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until, f"it did not become true within {limit_s} s"
        time.sleep(0.4)
