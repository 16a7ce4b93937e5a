"""Keeps the processes of one stack under `supervisor`: writes its configuration, starts it, and speaks to it over its socket."""

import contextlib
import hashlib
import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools import paths
from ops.errors import CommandError
from ops.local_secrets import write_private

SOCKET_NAME = "supervisor.sock"
LONGEST_SOCKET_PATH = (
    90  # bytes; the system's limit is 103 or 107, and supervisor adds its pid while it binds
)
UNEXPECTED = re.compile(r"exited: (\w+) \(.*not expected\)")
TOLD = 12  # lines of a log
ALIVE = {"RUNNING", "STARTING", "BACKOFF", "STOPPING"}


@dataclass(frozen=True)
class Program:
    """One process to keep. `command` is executed as it is, without a shell, so its pid is the process."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = paths.ROOT
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_wait_s: int = 15

    def section(self, log: Path) -> str:
        """Its part of the configuration. It comes back however often it dies, with a growing pause if it dies within a second."""
        environment = ",".join(
            f"{name}={_quoted(name, value)}" for name, value in self.environment.items()
        )
        lines = {
            "command": _escaped(shlex.join(self.command)),
            "directory": _escaped(str(self.folder)),
            "environment": _escaped(environment),
            "user": self.user,
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "1000000000",
            "stopsignal": self.stop_signal.name.removeprefix("SIG"),
            "stopwaitsecs": str(self.stop_wait_s),
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": _escaped(str(log)),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "3",
        }
        return (
            "\n".join(
                [
                    f"[program:{self.name}]",
                    *(f"{name}={value}" for name, value in lines.items() if value),
                ]
            )
            + "\n"
        )


@dataclass(frozen=True)
class Process:
    """What supervisor says of a process: its state in supervisor's words, and its pid (0: none)."""

    state: str
    pid: int


class Supervisor:
    """The keeper of one state folder's processes; it may or may not run."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.logs = state / "logs"
        self.socket_folder = _socket_folder(state)
        self.socket = self.socket_folder / SOCKET_NAME
        self._configuration = state / "supervisord.conf"

    def write(self, programs: Iterable[Program]) -> None:
        """Write the configuration; it holds secrets, so only its owner may read it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket_folder.stat().st_uid != os.geteuid():
            raise CommandError(f"{self.socket_folder} belongs to somebody else; remove it")
        daemon = {
            "logfile": _escaped(str(self.logs / "supervisord.log")),
            "pidfile": _escaped(str(self.state / "supervisord.pid")),
            "childlogdir": _escaped(str(self.logs)),
            "nodaemon": "false",
            "umask": "022",
            "user": "root" if os.geteuid() == 0 else None,
        }
        head = "\n".join(
            ["[supervisord]", *(f"{name}={value}" for name, value in daemon.items() if value)]
        )
        listen = f"[unix_http_server]\nfile={_escaped(str(self.socket))}\nchmod=0700"
        rpc = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"
        sections = [program.section(self.log(program.name)) for program in programs]
        write_private(self._configuration, "\n\n".join([head, listen, rpc, *sections]))

    def start(self, limit_s: float = 20) -> None:
        """Start the keeper in the background; the processes are started one by one afterwards.

        Raises:
            CommandError: it does not answer in time.
        """
        # each process gets its own settings and nobody else's, and keeps its bytecode: without it a start takes three times as long
        kept_out = ("PAYDOWN_", "DATABASE_URL", "MAKE", "MFLAGS", "PYTHONDONTWRITEBYTECODE")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(kept_out)
        }
        command = [
            str(paths.PYTHON),
            "-W",
            "ignore",
            "-m",
            "supervisor.supervisord",
            "-c",
            str(self._configuration),
        ]
        made = subprocess.run(
            command,
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        until = time.monotonic() + limit_s
        while made.returncode == 0 and time.monotonic() < until:
            if self.is_alive():
                return
            time.sleep(0.05)
        raise CommandError(
            f"supervisor does not start: {(made.stderr or made.stdout).strip()[-300:]}; see {self.logs / 'supervisord.log'}"
        )

    def is_alive(self) -> bool:
        """Whether the keeper answers."""
        try:
            self._call("getState")
        except xmlrpc.client.Fault:  # it is on its way down
            return True
        except (OSError, http.client.HTTPException):
            return False
        return True

    def processes(self) -> dict[str, Process]:
        """Every process it keeps; none if it does not run."""
        try:
            answer = self._call("getAllProcessInfo")
        except (OSError, http.client.HTTPException, xmlrpc.client.Fault):
            return {}
        return {one["name"]: Process(one["statename"], one["pid"]) for one in answer}

    def start_program(self, name: str) -> None:
        """Start a process; one that runs or is being restarted is left alone."""
        if self.processes()[name].state not in ALIVE:
            self._call("startProcess", name, False)

    def stop_programs(self, names: Iterable[str], limit_s: float = 60) -> None:
        """Stop processes side by side and wait until they have ended; supervisor kills who takes too long."""
        wanted = set(names)
        for name, process in self.processes().items():
            if name in wanted and process.state in ALIVE:
                with contextlib.suppress(xmlrpc.client.Fault):  # it ended by itself meanwhile
                    self._call("stopProcess", name, False)
        until = time.monotonic() + limit_s
        while time.monotonic() < until and any(
            p.state in ALIVE for n, p in self.processes().items() if n in wanted
        ):
            time.sleep(0.1)

    def shutdown(self, limit_s: float = 60) -> None:
        """End the keeper, and whoever it still keeps."""
        pid = self.pid()
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Fault):
            self._call("shutdown")
        _await_end([pid] if pid else [], limit_s)

    def pid(self) -> int | None:
        """The keeper's own pid, if it answers."""
        try:
            return int(self._call("getPID"))
        except (OSError, http.client.HTTPException, xmlrpc.client.Fault):
            return None

    def orphans(self) -> list[int]:
        """Processes a killed keeper has left behind, known by the address of the keeper in their environment (Linux)."""
        mark = f"SUPERVISOR_SERVER_URL=unix://{self.socket}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def clear(self) -> None:
        """End what a keeper that was killed has left behind; does nothing while the keeper runs."""
        if self.is_alive():
            return
        for how, limit_s in (
            (signal.SIGTERM, 10.0),
            (signal.SIGINT, 5.0),
            (signal.SIGKILL, 10.0),
        ):  # PostgreSQL ends by SIGINT
            left = self.orphans()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
            _await_end(left, limit_s)
        self.socket.unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """Where the process's output goes."""
        return self.logs / f"{name}.log"

    def last_line(self, name: str) -> str:
        """The last thing a process said."""
        try:
            with self.log(name).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1] if lines else "it said nothing"

    def ended(self) -> list[str]:
        """What ended without having been told to, in the keeper's words and with what it complained of; killed ones are in it too."""
        try:
            lines = (self.logs / "supervisord.log").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [
            f"{line}; it said: {' | '.join(self._complaints(match[1]))}"
            for line in lines
            if (match := UNEXPECTED.search(line))
        ]

    def _complaints(self, name: str) -> list[str]:
        """The last lines of a log that are no lines of every day."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        return [
            line
            for line in lines
            if not line.startswith("{")
            or '"level": "critical"' in line
            or '"level": "error"' in line
        ][-TOLD:]

    def _call(self, method: str, *arguments: object) -> Any:  # XML-RPC answers have no static type
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self.socket))
        return getattr(proxy.supervisor, method)(*arguments)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(
        self, _host: Any
    ) -> http.client.HTTPConnection:  # the library's own loose type
        return _UnixConnection(self._path)


def _socket_folder(state: Path) -> Path:
    if len(os.fsencode(state / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return state
    mark = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"paydown-{os.geteuid()}-{mark}"


def _quoted(name: str, value: str) -> str:
    """A value as supervisor's configuration writes it; it knows no escapes, and cuts what looks like a comment."""
    if set(value) & set("\n\r\"'") or " ;" in value or " #" in value:
        raise CommandError(f"{name} may contain no quotes, line breaks or comment signs")
    return f'"{value}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _await_end(pids: list[int], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.05)
