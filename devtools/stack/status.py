"""Asks each process of a stack whether it is ready, all at once and quickly: `make status` is called again and again."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devtools.stack import postgres
from devtools.stack.ports import HOST, Ports, is_listening
from devtools.stack.supervisor import Process, Supervisor
from ops import provision

ANSWER_LIMIT_S = 2.0  # a process that is down refuses at once; only one under load needs this long
ORDER = (
    "postgres",
    "kafka",
    "simulator",
    "ingest",
    "dispatcher",
    "webhooks",
    "ledger",
    "reports",
    "gateway",
)


@dataclass(frozen=True)
class Status:
    """One process: its pid (None: none, or not ours), `ready`, `starting`, `down` or `held` (after a restore, until two people release it), and its port."""

    name: str
    pid: int | None
    state: str
    port: int

    def __str__(self) -> str:
        return f"{self.name} {self.pid or '-'} {self.state} {self.port}"


def status(supervisor: Supervisor, ports: Ports, given_postgres: str | None = None) -> list[Status]:
    """Every process of a stack in the order of the flow; a PostgreSQL that was given by its URL has no pid of ours."""
    processes, port_of = supervisor.processes(), dict(ports.items())

    def one(name: str) -> Status:
        process, port = processes.get(name, Process("STOPPED", 0)), port_of[name]
        if name == "postgres" and given_postgres:
            return Status(
                name,
                None,
                "ready" if provision.answers(given_postgres) else "down",
                provision.place(given_postgres)[1],
            )
        if not process.pid:
            return Status(name, None, "starting" if process.state == "BACKOFF" else "down", port)
        return Status(
            name,
            process.pid,
            "starting" if not is_ready(name, port) else "held" if is_held(name, port) else "ready",
            port,
        )

    with ThreadPoolExecutor(len(ORDER)) as pool:
        return list(pool.map(one, ORDER))


def is_ready(name: str, port: int) -> bool:
    """Whether the process behind this port says that it can work, or that it is held and waits for people."""
    if name == "postgres":
        return postgres.is_accepting(port, ANSWER_LIMIT_S)
    if name in ("kafka", "simulator"):  # both listen only once they can work
        return is_listening(port, ANSWER_LIMIT_S)
    return _answer(port, "/health/ready").split(b" ")[1:2] == [b"200"]


def is_held(name: str, port: int) -> bool:
    """Whether a service says that its database came back from a backup and is not released yet."""
    return (
        name not in ("postgres", "kafka", "simulator")
        and b'"held":"' in (said := _answer(port, "/health/ready"))
        and b'"held":""' not in said
    )


def _answer(port: int, path: str) -> bytes:
    """The whole answer to one GET; empty if none came."""
    try:
        with socket.create_connection((HOST, port), ANSWER_LIMIT_S) as link:
            link.settimeout(ANSWER_LIMIT_S)
            link.sendall(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            return b"".join(iter(lambda: link.recv(4096), b""))
    except OSError:
        return b""
