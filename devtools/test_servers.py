"""PostgreSQL and Kafka for tests, which start, kill and stop them themselves."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.stack import kafka, postgres
from devtools.stack.ports import free_ports, is_listening
from ops.secret_files import Secrets

START_LIMIT_S = 60.0
#: A process that is killed loses nothing of what it gave to the operating system, so tests that
#: kill the server see the same as with fsync. Power loss is the one case that needs the disk.
WITHOUT_DISK_SYNC = ("-c", "fsync=off", "-c", "full_page_writes=off")


@dataclass
class Running:
    """A server process that can be killed and restarted, with the same data and port."""

    command: list[str]
    port: int
    log: Path
    is_ready: Callable[[int], bool]
    stop_signal: signal.Signals
    uid: int | None = None  # None: our own
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it accepts connections; does nothing if it runs."""
        if self._process and self._process.poll() is None:
            return
        until = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until:
            with self.log.open("ab") as out:
                user = {} if self.uid is None else {"user": self.uid, "extra_groups": ()}
                self._process = subprocess.Popen(
                    self.command, cwd="/", stdout=out, stderr=out, stdin=subprocess.DEVNULL, **user
                )  # type: ignore[call-overload]  # mypy does not follow **
            while self._process.poll() is None and time.monotonic() < until:
                if self.is_ready(self.port):
                    return
                time.sleep(0.05)
            time.sleep(0.3)  # after a kill it refuses to start until its lock is gone
        raise RuntimeError(
            f"{self.command[0]} does not start: {self.log.read_text(errors='replace')[-2000:]}"
        )

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in an orderly way; does nothing if it does not run."""
        self._end(self.stop_signal)

    def _end(self, how: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(START_LIMIT_S)


class RunningBroker(Running):
    """A Kafka broker for tests."""

    @property
    def bootstrap(self) -> str:
        """The address for clients; the same after a restart."""
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def temporary_postgres(durable: bool = False) -> Iterator[str]:
    """An empty PostgreSQL: the administrator's URL. It is removed at the end.

    Args:
        durable: it writes to the disk before it acknowledges a commit, as a stack's does.
    """
    with _temporary_folder() as state:
        (port,) = free_ports(1)
        password = Secrets.load_or_create(state).database_secret
        server = postgres.server(state, port, password)
        server.prepare()
        uid = server.account.uid if server.account else None
        running = Running(
            [*server.command, *(() if durable else WITHOUT_DISK_SYNC)],
            port,
            state / "postgres.log",
            postgres.is_accepting,
            postgres.STOP_SIGNAL,
            uid,
        )
        try:
            running.start()
            yield postgres.admin_url(port, password)
        finally:
            running.stop()
            for folder in postgres.stored_in(state):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_kafka() -> Iterator[RunningBroker]:
    """An empty broker, started. It is removed at the end."""
    with _temporary_folder() as state:
        port, controller_port = free_ports(2)
        broker = kafka.broker(state, port, controller_port)
        broker.prepare()
        running = RunningBroker(
            broker.command, port, state / "kafka.log", is_listening, signal.SIGTERM
        )
        try:
            running.start()
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="paydown-test-"))
    folder.chmod(0o755)  # the server's user must be able to enter
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
