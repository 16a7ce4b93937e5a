"""Run the processes of one stack under `supervisord`, and restart those that die.

Writes its configuration, starts it, and asks it over its socket (XML-RPC).
"""

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
from ops.private_files import SUPERVISOR_CONFIGURATION, SUPERVISOR_PID, write_private

SOCKET_NAME = "supervisor.sock"
# bytes; the system's limit is 103 or 107, and supervisor appends its pid while it binds
LONGEST_SOCKET_PATH = 90
UNEXPECTED_EXIT = re.compile(r"exited: (\w+) \(.*not expected\)")
REPORTED_LINES = 12  # of the log of a process that died
ALIVE = {"RUNNING", "STARTING", "BACKOFF", "STOPPING"}
# Each process gets its own settings and nobody else's, and keeps its bytecode: without it a start
# takes three times as long.
NOT_PASSED_ON = ("PAYDOWN_", "DATABASE_URL", "MAKE", "MFLAGS", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Program:
    """One process to keep running.

    `command` is executed as it is, without a shell, so its pid is the process.
    """

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = paths.ROOT
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_wait_s: int = 15

    def section(self, log: Path) -> str:
        """Its part of the configuration.

        It is restarted however often it dies, after a growing pause if it dies within a second.
        """
        environment = ",".join(
            f"{name}={_quoted(name, value)}" for name, value in self.environment.items()
        )
        settings = {
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
        return _section(f"program:{self.name}", settings) + "\n"


@dataclass(frozen=True)
class Process:
    """The state of a process as supervisor names it, and its pid (0: none)."""

    state: str
    pid: int


class Supervisor:
    """The supervisord of one state folder; it may or may not run."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.logs = state / "logs"
        self.socket_folder = _socket_folder(state)
        self.socket = self.socket_folder / SOCKET_NAME
        self._configuration = state / SUPERVISOR_CONFIGURATION
        self._log = self.logs / "supervisord.log"

    def write(self, programs: Iterable[Program]) -> None:
        """Write the configuration. It holds secrets, so only its owner may read it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket_folder.stat().st_uid != os.geteuid():
            raise CommandError(f"{self.socket_folder} belongs to somebody else; remove it")
        daemon = {
            "logfile": _escaped(str(self._log)),
            "pidfile": _escaped(str(self.state / SUPERVISOR_PID)),
            "childlogdir": _escaped(str(self.logs)),
            "nodaemon": "false",
            "umask": "022",
            "user": "root" if os.geteuid() == 0 else None,
        }
        interface = "supervisor.rpcinterface:make_main_rpcinterface"
        sections = [
            _section("supervisord", daemon),
            _section("unix_http_server", {"file": _escaped(str(self.socket)), "chmod": "0700"}),
            _section("rpcinterface:supervisor", {"supervisor.rpcinterface_factory": interface}),
            *(program.section(self.log(program.name)) for program in programs),
        ]
        write_private(self._configuration, "\n\n".join(sections))

    def start(self, limit_s: float = 20) -> None:
        """Start supervisord in the background; the processes are started one by one afterwards.

        Raises:
            CommandError: it does not answer in time.
        """
        command = [str(paths.PYTHON), "-W", "ignore", "-m", "supervisor.supervisord"]
        made = subprocess.run(
            [*command, "-c", str(self._configuration)],
            cwd="/",
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(NOT_PASSED_ON)
            },
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
        output = (made.stderr or made.stdout).strip()[-300:]
        raise CommandError(f"supervisor does not start: {output}; see {self._log}")

    def is_alive(self) -> bool:
        """Whether supervisord answers."""
        try:
            self._call("getState")
        except xmlrpc.client.Fault:  # it is shutting down
            return True
        except (OSError, http.client.HTTPException):
            return False
        return True

    def processes(self) -> dict[str, Process]:
        """Every process in its configuration; none if it does not run."""
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
        """Stop processes side by side and wait for their end; supervisord kills the slow ones."""
        wanted = set(names)
        for name, process in self.processes().items():
            if name in wanted and process.state in ALIVE:
                with contextlib.suppress(xmlrpc.client.Fault):  # it ended by itself meanwhile
                    self._call("stopProcess", name, False)
        until = time.monotonic() + limit_s
        while time.monotonic() < until and any(
            process.state in ALIVE for name, process in self.processes().items() if name in wanted
        ):
            time.sleep(0.1)

    def shutdown(self, limit_s: float = 60) -> None:
        """End supervisord and the processes that still run under it."""
        pid = self.pid()
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Fault):
            self._call("shutdown")
        _await_end([pid] if pid else [], limit_s)

    def pid(self) -> int | None:
        """The pid of supervisord itself, if it answers."""
        try:
            return int(self._call("getPID"))
        except (OSError, http.client.HTTPException, xmlrpc.client.Fault):
            return None

    def orphans(self) -> list[int]:
        """Processes that a killed supervisord left behind.

        They are known by the address of its socket in their environment (Linux).
        """
        mark = f"SUPERVISOR_SERVER_URL=unix://{self.socket}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def clear(self) -> None:
        """End what a killed supervisord left behind; does nothing while it runs."""
        if self.is_alive():
            return
        for how, limit_s in (
            (signal.SIGTERM, 10.0),
            (signal.SIGINT, 5.0),  # PostgreSQL ends by SIGINT
            (signal.SIGKILL, 10.0),
        ):
            left = self.orphans()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
            _await_end(left, limit_s)
        self.socket.unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """The file with the output of a process."""
        return self.logs / f"{name}.log"

    def last_line(self, name: str) -> str:
        """The last line that a process printed."""
        try:
            with self.log(name).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1] if lines else "no output"

    def unexpected_exits(self) -> list[str]:
        """Processes that ended though nobody stopped them, killed ones too, with their errors."""
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [
            f"{line}; its output: {' | '.join(self._errors(match[1]))}"
            for line in lines
            if (match := UNEXPECTED_EXIT.search(line))
        ]

    def _errors(self, name: str) -> list[str]:
        """The last lines of a log that are no ordinary log lines."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        return [
            line
            for line in lines
            if not line.startswith("{")
            or '"level": "critical"' in line
            or '"level": "error"' in line
        ][-REPORTED_LINES:]

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

    def make_connection(self, _host: Any) -> http.client.HTTPConnection:  # the library's loose type
        return _UnixConnection(self._path)


def _socket_folder(state: Path) -> Path:
    if len(os.fsencode(state / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return state
    mark = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"paydown-{os.geteuid()}-{mark}"


def _section(title: str, settings: dict[str, str | None]) -> str:
    """A section of supervisor's configuration; settings without a value are left out."""
    lines = [f"{name}={value}" for name, value in settings.items() if value]
    return "\n".join([f"[{title}]", *lines])


def _quoted(name: str, value: str) -> str:
    """A value as supervisor's configuration takes it.

    It knows no escapes, and cuts what looks like a comment.
    """
    if set(value) & set("\n\r\"'") or " ;" in value or " #" in value:
        raise CommandError(f"{name} may contain no quotes, line breaks or comment signs")
    return f'"{value}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _await_end(pids: list[int], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.05)
