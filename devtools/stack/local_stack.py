"""The local stack: PostgreSQL, Kafka, the simulator and the six services under one keeper, with state in one folder.

    python -m devtools.stack.local_stack up | down | status | remove | refill | exec <command …>

`refill` starts it with a broker that has lost everything, filled from the outboxes (docs/runbooks/broker-lost.md).
`exec` runs a command with the settings of all services, for example `python -m services rebuild ledger`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from devtools import paths
from devtools.stack import environment, kafka, postgres
from devtools.stack import status as probe
from devtools.stack.ports import HOST, Ports
from devtools.stack.status import Status
from devtools.stack.supervisor import Program, Supervisor
from ops import provision
from ops.errors import CommandError, exit_code
from ops.local_secrets import Keys, write_private

START_LIMIT_S = 300.0  # of a process that hangs; one that dies is noticed at once
ALL_SERVICES = "all services"
DEMO_PREFIX = "paydown_demo"
_KEPT = "stack.json"
DEATHS_AT_START = 2  # a process that dies as often while it starts will not start


@dataclass
class Stack:
    """One stack. Several may run at once, on other ports and in other folders.

    Used as a context manager it is up inside and down afterwards. `prefix` begins the names of databases and roles, which
    matters only on a server that others use too.
    """

    state: Path
    ports: Ports = field(default_factory=lambda: Ports.from_environment(os.environ))
    extra_env: Mapping[str, str] = field(default_factory=dict)
    prefix: str = "paydown"
    say: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        self.environment = {**os.environ, **self.extra_env}
        self.database_url = self.environment.get("DATABASE_URL") or None
        self.supervisor = Supervisor(self.state)
        self._abandoned = threading.Event()

    @classmethod
    def started(cls, state: Path) -> Self:
        """The stack that runs in this folder, with the ports and the server it was started with.

        Raises:
            CommandError: none runs there.
        """
        if not Supervisor(state).is_alive():
            raise CommandError(f"nothing is up in {state}; start it with `make up`")
        kept = json.loads((state / _KEPT).read_text())
        return cls(
            state,
            Ports(**kept["ports"]),
            {"DATABASE_URL": kept["database_url"] or ""},
            kept["prefix"],
        )

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self, refill: bool = False) -> None:
        """Start everything and return when all are ready; what runs already is left alone.

        Args:
            refill: before the services start, make the databases ready to fill a broker that has lost its topics.

        Raises:
            CommandError: a port is taken, a setting is wrong, a process does not start, a refill is refused. What was started is stopped again.
        """
        environment.check_names(self.environment)
        running = self.is_up()
        if not running:
            self.supervisor.clear()
            self._check()
        self._abandoned.clear()
        try:
            if not running:
                self._prepare()
            self._start(refill)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Stop everything, also what a killed keeper has left behind; fine if nothing runs."""
        if self.is_up():
            self.supervisor.stop_programs(("simulator", *environment.SERVICES))
            self.supervisor.stop_programs(("kafka", "postgres"))
            self.supervisor.shutdown()
        self.supervisor.clear()

    @contextmanager
    def server_alone(self) -> Iterator[None]:
        """Its PostgreSQL and nothing else, for as long as the context lasts; the stack must be down."""
        if self.is_up():
            raise CommandError(f"the stack in {self.state} is up; stop it first")
        self.supervisor.clear()
        self._check()
        self._prepare()
        try:
            if not self.database_url:
                self._run_up("postgres")
            yield
        finally:
            self.down()

    def remove(self) -> None:
        """Forget everything a stopped stack has stored, its databases on a given server too."""
        if self.is_up():
            raise CommandError(f"the stack in {self.state} is up; stop it first")
        if self.database_url:
            for service in environment.SERVICES:
                provision.drop(self.database_url, service, self.prefix)
        for folder in (self.state, self.supervisor.socket_folder, *postgres.stored_in(self.state)):
            shutil.rmtree(folder, ignore_errors=True)

    def is_up(self) -> bool:
        """Whether its keeper runs; that all processes are ready is `status`."""
        return self.supervisor.is_alive()

    def status(self) -> list[Status]:
        """Every process, on the ports with which the stack was started."""
        return probe.status(self.supervisor, self.ports, self.database_url)

    def env_for(self, process: str) -> dict[str, str]:
        """The whole environment of one process; of `ALL_SERVICES` for migrations and topics, then with the owners' URLs."""
        base = {
            name: value
            for name, value in self.environment.items()
            if not name.startswith(("PAYDOWN_", "DATABASE_URL"))
        }
        table = self._table()
        if process == ALL_SERVICES:
            together = {
                name: value
                for service in environment.SERVICES
                for name, value in table[service].items()
            }
            return base | together | {"PAYDOWN_KAFKA": f"{HOST}:{self.ports.kafka}"}
        return base | environment.without_owner(table[process])

    def _check(self) -> None:
        """Everything that can be refused before anything is started."""
        self.ports.check_distinct()
        ours = {name for name, _ in self.ports.items()} - (
            {"postgres"} if self.database_url else set()
        )
        self.ports.check_free(ours)
        if self.database_url:
            provision.check(self.database_url)

    def _prepare(self) -> None:
        for folder in (self.state, self.state / "files", self.state / "simulator"):
            folder.mkdir(parents=True, exist_ok=True)
        kept = {
            "ports": dict(self.ports.items()),
            "database_url": self.database_url,
            "prefix": self.prefix,
        }
        write_private(self.state / _KEPT, json.dumps(kept, indent=1))
        broker = kafka.broker(self.state, self.ports.kafka, self.ports.kafka_controller)
        server = (
            None
            if self.database_url
            else postgres.server(self.state, self.ports.postgres, self._secret())
        )
        self._side_by_side(broker.prepare, *([server.prepare] if server else []))
        self.supervisor.write(self._programs(server, broker))
        self.supervisor.start()

    def _programs(self, server: postgres.Server | None, broker: kafka.Broker) -> list[Program]:
        programs = [Program("kafka", broker.command, folder=broker.home, stop_wait_s=30)]
        if server:
            user = server.account.name if server.account else None
            programs.append(
                Program(
                    "postgres",
                    server.command,
                    folder=Path("/"),
                    user=user,
                    stop_signal=postgres.STOP_SIGNAL,
                    stop_wait_s=30,
                )
            )
        table = self._table()
        python = [str(paths.PYTHON), "-m"]
        for name in ("simulator", *environment.SERVICES):
            own = environment.without_owner(table[name])
            command = [*python, "simulator"] if name == "simulator" else [*python, "services", name]
            programs.append(Program(name, command, {**own, "PYTHONUNBUFFERED": "1"}))
        return programs

    def _start(self, refill: bool) -> None:
        """Databases with migrations, Kafka and the simulator side by side; then topics; then the services."""
        self._side_by_side(
            self._start_databases, lambda: self._run_up("kafka"), lambda: self._run_up("simulator")
        )
        self._services("topics")
        if refill:
            self.say(self._services("refill", "all"))
        self._run_up(*environment.SERVICES)

    def _start_databases(self) -> None:
        if not self.database_url:
            self._run_up("postgres")
        for service in environment.SERVICES:
            provision.create(self.admin_url(), service, self.prefix, self._secret())
        self._services("migrate")
        self.say("the databases are migrated")

    def _side_by_side(self, *tasks: Callable[[], None]) -> None:
        """Run tasks at once; when one fails or we are interrupted, the others give up too."""
        with ThreadPoolExecutor(len(tasks)) as pool:
            try:
                for future in as_completed([pool.submit(task) for task in tasks]):
                    future.result()
            except BaseException:
                self._abandoned.set()
                raise

    def _run_up(self, *names: str) -> None:
        """Start processes and wait until each is ready.

        Raises:
            CommandError: one keeps dying, or is not ready in time; with the last thing it said.
        """
        for name in names:
            self.supervisor.start_program(name)
        waiting, pids, port_of = (
            set(names),
            {name: set[int]() for name in names},
            dict(self.ports.items()),
        )
        until = time.monotonic() + START_LIMIT_S
        while waiting and not self._abandoned.is_set():
            processes = self.supervisor.processes()
            for name in sorted(waiting):
                pid = processes[name].pid if name in processes else 0
                pids[name] |= {pid} - {0}
                if pid and probe.is_ready(name, port_of[name]):
                    waiting.remove(name)
                    self.say(f"{name} is ready")
                elif len(pids[name]) > DEATHS_AT_START or time.monotonic() > until:
                    why = (
                        "keeps ending"
                        if len(pids[name]) > DEATHS_AT_START
                        else f"is not ready after {START_LIMIT_S:.0f} s"
                    )
                    raise CommandError(
                        f"{name} {why}: {self.supervisor.last_line(name)} (log: {self.supervisor.log(name)})"
                    )
            time.sleep(0.1)

    def _services(self, command: str, *words: str) -> str:
        """Run `python -m services <command> …` to its end; what it said."""
        done = subprocess.run(
            [str(paths.PYTHON), "-m", "services", command, *words],
            cwd=paths.ROOT, env=self.env_for(ALL_SERVICES), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        (self.supervisor.logs / f"{command}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise CommandError(
                f"`python -m services {command}` failed: {said[-1]} (log: {self.supervisor.logs / command}.log)"
            )
        return done.stdout.strip()

    def _secret(self) -> str:
        return Keys.kept_in(self.state).database_secret

    def admin_url(self) -> str:
        """The address of its PostgreSQL for who makes databases."""
        return self.database_url or postgres.admin_url(self.ports.postgres, self._secret())

    def _table(self) -> dict[str, dict[str, str]]:
        admin_url, keys = self.admin_url(), Keys.kept_in(self.state)
        urls = {
            service: provision.urls(admin_url, service, self.prefix, keys.database_secret)
            for service in environment.SERVICES
        }
        return environment.with_users(
            environment.table(environment.Facts(self.state, self.ports, keys, urls)),
            self.environment,
        )


def demo_stack(say: Callable[[str], None]) -> Stack:
    """The throw-away stack of `make demo`, empty and not started; it uses the same ports as `make up`.

    Raises:
        CommandError: `make up` is up.
    """
    if Supervisor(paths.UP).is_alive():
        raise CommandError(
            "`make up` is up and has the ports; stop it with `make down`, or use its dashboard"
        )
    stack = Stack(paths.DEMO, prefix=DEMO_PREFIX, say=say)
    stack.down()  # a demo that was killed
    stack.remove()
    return stack


def up() -> int:
    """`make up`: the stack in the background, ready when this returns."""
    if Supervisor(paths.UP).is_alive():
        stack = Stack.started(paths.UP)
        stack.say = _say
        if all(one.state == "ready" for one in stack.status()):
            print(f"paydown is up already: {_address(stack)}")
            return 0
    else:
        stack = Stack(paths.UP, say=_say)
    began = time.monotonic()
    stack.up()
    print(
        f"paydown is up after {time.monotonic() - began:.1f} s: {_address(stack)} (stop it with `make down`)"
    )
    if held := [one.name for one in stack.status() if one.state == "held"]:
        print(
            f"held after a restore: {', '.join(held)}. Nothing is decided there until two people release it under Operations."
        )
    return 0


def refill() -> int:
    """`make refill`: up with a broker that has lost everything; counts what is sent and read until nothing is left.

    Raises:
        CommandError: the stack is up, or the refill is refused; it is down then.
    """
    if Supervisor(paths.UP).is_alive():
        raise CommandError(
            "the stack is up; stop it first with `make down`, so that nothing is sent or read meanwhile"
        )
    Stack(paths.UP, say=_say).up(refill=True)
    return execute([str(paths.PYTHON), "-m", "services", "refill", "watch"])


def down() -> int:
    """`make down`: stop it, whatever state it is in."""
    Stack(paths.UP, Ports()).down()
    print("paydown is down")
    return 0


def status() -> int:
    """`make status`: a line for each process; 0 only if all are ready."""
    try:
        stack = Stack.started(paths.UP)
    except CommandError:
        stack = Stack(paths.UP)
    found = stack.status()
    for one in found:
        print(one)
    return 0 if all(one.state == "ready" for one in found) else 1


def execute(command: list[str]) -> int:
    """Run a command with the settings of all services of the stack that is up."""
    return subprocess.run(
        command, env=Stack.started(paths.UP).env_for(ALL_SERVICES), check=False
    ).returncode


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["up"]:
            return up()
        case ["down"]:
            return down()
        case ["status"]:
            return status()
        case ["refill"]:
            return refill()
        case ["remove"]:
            Stack(paths.UP).remove()
            Stack(paths.DEMO, prefix=DEMO_PREFIX).remove()
            return 0
        case ["exec", program, *rest]:
            return execute([program, *rest])
        case _:
            raise CommandError(
                "usage: python -m devtools.stack.local_stack up | down | status | remove | refill | exec <command …>"
            )


def _say(text: str) -> None:
    print(text, flush=True)


def _address(stack: Stack) -> str:
    return f"http://{HOST}:{stack.ports.gateway}"


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)  # unwinds, so that what was started half-way is stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
