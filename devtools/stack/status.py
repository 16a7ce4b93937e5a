"""Whether each process of a stack is ready, asked all at once and quickly: `make status`."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devtools.stack import postgres
from devtools.stack.ports import HOST, Ports, is_listening
from devtools.stack.supervisor import Process, Supervisor
from ops import provision
from services import catalog

ANSWER_LIMIT_S = 2.0  # a process that is down refuses at once; only one under load needs this long
LISTENS_WHEN_READY = ("kafka", "simulator")
ORDER = ("postgres", *LISTENS_WHEN_READY, *catalog.NAMES)
READY, STARTING, DOWN, QUARANTINED = "ready", "starting", "down", "quarantined"


@dataclass(frozen=True)
class Status:
    """One process.

    `pid` is None if there is none, or if it is not ours. A quarantined service works read-only,
    because its database was restored, until two people release it.
    """

    name: str
    pid: int | None
    state: str
    port: int

    def __str__(self) -> str:
        return f"{self.name} {self.pid or '-'} {self.state} {self.port}"


def status_of(
    supervisor: Supervisor, ports: Ports, given_postgres: str | None = None
) -> list[Status]:
    """Every process of a stack in start order; a PostgreSQL given by its URL has no pid of ours."""
    processes = supervisor.processes()

    def one(name: str) -> Status:
        if name == "postgres" and given_postgres:
            return _given(given_postgres)
        process = processes.get(name, Process("STOPPED", 0))
        if not process.pid:
            state = STARTING if process.state == "BACKOFF" else DOWN
            return Status(name, None, state, ports[name])
        return Status(name, process.pid, _state(name, ports[name]), ports[name])

    with ThreadPoolExecutor(len(ORDER)) as pool:
        return list(pool.map(one, ORDER))


def is_ready(name: str, port: int) -> bool:
    """Whether the process behind this port can work; a quarantined service is ready too."""
    if name == "postgres":
        return postgres.is_accepting(port, ANSWER_LIMIT_S)
    if name in LISTENS_WHEN_READY:
        return is_listening(port, ANSWER_LIMIT_S)
    return _answer(port, "/health/ready").split(b" ")[1:2] == [b"200"]


def _given(postgres_url: str) -> Status:
    state = READY if provision.answers(postgres_url) else DOWN
    return Status("postgres", None, state, provision.host_and_port(postgres_url)[1])


def _state(name: str, port: int) -> str:
    if not is_ready(name, port):
        return STARTING
    return QUARANTINED if name in catalog.NAMES and _is_quarantined(port) else READY


def _is_quarantined(port: int) -> bool:
    """Whether a service answers that its database was restored and is not released yet."""
    answer = _answer(port, "/health/ready")
    return b'"held":"' in answer and b'"held":""' not in answer


def _answer(port: int, path: str) -> bytes:
    """The whole answer to one GET; empty if none came."""
    try:
        with socket.create_connection((HOST, port), ANSWER_LIMIT_S) as link:
            link.settimeout(ANSWER_LIMIT_S)
            link.sendall(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            return b"".join(iter(lambda: link.recv(4096), b""))
    except OSError:
        return b""
