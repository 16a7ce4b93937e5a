"""A running simulator for tests, and the few calls every test makes."""

import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ADDRESS = {
    "line1": "999 Hayes Lights",
    "line2": None,
    "city": "Kerlukemouth",
    "state": "IA",
    "zip": "50613",
}
CORPORATION = {
    "type": "corporation",
    "corporation": {"name": "Dunkin", "dba": None, "ein": "32120240", "owners": []},
    "address": ADDRESS,
}
PERSON = {
    "type": "individual",
    "individual": {
        "first_name": "Ida",
        "last_name": "Li",
        "phone": "+15125551234",
        "dob": "1990-01-02",
    },
}
BANK = {"routing": "062103000", "number": "00123456", "type": "checking"}
LOAN = {"mch_id": "mch_306101", "account_number": "01234567"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any  # whatever JSON came

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def error(self) -> Any:
        return self.body["data"]["error"]


@dataclass
class Simulator:
    """One process. `start` after `kill` finds the same storage."""

    folder: Path
    profile: str = "demo"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, file_max_bytes: int | None = None, **settings: str) -> None:
        ours = {
            "PORT": str(self.port),
            "BOOKS": str(self.folder / "books.sqlite"),
            "PROFILE": self.profile,
            **settings,
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PAYDOWN_")} | {
            f"PAYDOWN_SIMULATOR_{k}": v for k, v in ours.items()
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator"], cwd=ROOT, env=environment
        )
        if file_max_bytes is not None:
            resource.prlimit(
                self.process.pid, resource.RLIMIT_FSIZE, (file_max_bytes, file_max_bytes)
            )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if self.call("GET", "/health/ready").status == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("the simulator does not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> Reply:
        sent = {"Authorization": "Bearer sk_test", "Content-Type": "application/json"}
        sent |= {"Idempotency-Key": key} if key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        try:
            parsed = json.loads(raw)
        except ValueError:
            parsed = raw
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, parsed)

    def control(self, name: str, control: dict[str, Any]) -> None:
        reply = self.call("PUT", f"/_simulator/{name}", control)
        assert reply.status == 200, reply.body

    def records(self, kind: str) -> list[dict[str, Any]]:
        raw = self.call("GET", f"/_simulator/books/{kind}").body
        return [raw] if isinstance(raw, dict) else [json.loads(line) for line in raw.splitlines()]

    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.call("GET", "/_simulator/books").body
        return summary

    def accounts(self) -> tuple[str, str]:
        """(source, destination) of a new company and a new person."""
        corporation, person = (
            self.call("POST", "/entities", body, str(uuid.uuid4())).data["id"]
            for body in (CORPORATION, PERSON)
        )
        source = self.call("POST", "/accounts", {"holder_id": corporation, "ach": BANK}).data["id"]
        return source, self.call(
            "POST", "/accounts", {"holder_id": person, "liability": LOAN}
        ).data["id"]

    def wait_status(self, payment_id: str, *statuses: str, limit_s: float = 15) -> dict[str, Any]:
        until = time.monotonic() + limit_s
        while True:
            payment: dict[str, Any] = self.call("GET", f"/payments/{payment_id}").data
            if payment["status"] in statuses:
                return payment
            assert time.monotonic() < until, f"{payment['status']}, expected {statuses}"
            time.sleep(0.05)


def body_of(source: str, destination: str, **more: Any) -> dict[str, Any]:
    return {
        "source": source,
        "destination": destination,
        "amount": 500,
        "description": "Loan",
        "metadata": {"row": str(uuid.uuid4())},
        **more,
    }


@dataclass
class Receiver:
    """A server that receives webhooks; answers `status` after `delay_s`."""

    status: int = 200
    delay_s: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    def wait(self, count: int, limit_s: float = 10) -> list[tuple[dict[str, str], bytes]]:
        until = time.monotonic() + limit_s
        while len(self.got) < count:
            assert time.monotonic() < until, f"{len(self.got)} deliveries, expected {count}"
            time.sleep(0.02)
        return list(self.got)


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status, delay_s = state.status, state.delay_s
            state.got.append(({k.lower(): v for k, v in self.headers.items()}, raw))
            time.sleep(delay_s)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
