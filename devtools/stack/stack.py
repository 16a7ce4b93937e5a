"""One local stack: PostgreSQL, Kafka, the simulator and the services, its state in one folder."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from devtools import paths
from devtools.stack import environment, kafka, postgres
from devtools.stack.ports import Ports
from devtools.stack.startup import Startup
from devtools.stack.status import Status, status_of
from devtools.stack.supervisor import Program, Supervisor
from ops import provision
from ops.errors import CommandError
from ops.private_files import write_private
from ops.secret_files import Secrets
from services import catalog

FACTS = "stack.json"  # with what a stack was started, below its state folder


@dataclass
class Stack:
    """One stack. Several may run at once, on other ports and in other folders.

    As a context manager it is up inside and down afterwards. `prefix` begins the names of databases
    and roles, which matters only on a server that others use too. `preload` names a module that its
    PostgreSQL loads, if it has it.
    """

    state: Path
    ports: Ports = field(default_factory=lambda: Ports.from_environment(os.environ))
    extra_env: Mapping[str, str] = field(default_factory=dict)
    prefix: str = catalog.DATABASE_PREFIX
    say: Callable[[str], None] = lambda _text: None
    preload: str = ""

    def __post_init__(self) -> None:
        self.environment = {**os.environ, **self.extra_env}
        self.database_url = self.environment.get("DATABASE_URL") or None
        self.supervisor = Supervisor(self.state)

    @classmethod
    def started(cls, state: Path) -> Self:
        """The stack that runs in this folder, with the ports and the server it was started with.

        Raises:
            CommandError: none runs there.
        """
        if not Supervisor(state).is_alive():
            raise CommandError(f"nothing is up in {state}; start it with `make up`")
        facts = json.loads((state / FACTS).read_text())
        return cls(
            state,
            Ports(**facts["ports"]),
            {"DATABASE_URL": facts["database_url"] or ""},
            facts["prefix"],
        )

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self, republish: bool = False) -> None:
        """Start everything and return when all are ready; what runs already is left alone.

        Args:
            republish: before the services start, prepare their databases to fill a broker that has
                lost its topics.

        Raises:
            CommandError: a port is taken, a setting is wrong, a process does not start, or there is
                nothing to republish. What was started is stopped again.
        """
        environment.check_names(self.environment)
        running = self.is_up()
        if not running:
            self.supervisor.clear()
            self._check()
        startup = self._startup()
        try:
            if not running:
                self._prepare(startup)
            self._start(startup, republish)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Stop everything, also what a killed supervisor left behind; fine if nothing runs."""
        if self.is_up():
            self.supervisor.stop_programs(environment.PROCESSES)
            self.supervisor.stop_programs(("kafka", "postgres"))
            self.supervisor.shutdown()
        self.supervisor.clear()

    @contextmanager
    def only_postgres(self) -> Iterator[None]:
        """Its PostgreSQL and nothing else, as long as the context lasts; the stack must be down."""
        self._require_down()
        self.supervisor.clear()
        self._check()
        startup = self._startup()
        self._prepare(startup)
        try:
            if not self.database_url:
                startup.start("postgres")
            yield
        finally:
            self.down()

    def remove(self) -> None:
        """Delete everything a stopped stack has stored, its databases on a given server too."""
        self._require_down()
        if self.database_url:
            for service in catalog.NAMES:
                provision.drop(self.database_url, service, self.prefix)
        for folder in (self.state, self.supervisor.socket_folder, *postgres.stored_in(self.state)):
            shutil.rmtree(folder, ignore_errors=True)

    def is_up(self) -> bool:
        """Whether its supervisor runs; whether all processes are ready is `status`."""
        return self.supervisor.is_alive()

    def status(self) -> list[Status]:
        """Every process, on the ports with which the stack was started."""
        return status_of(self.supervisor, self.ports, self.database_url)

    def env_for(self, process: str) -> dict[str, str]:
        """The whole environment of one process."""
        return self._foreign_env() | environment.without_owner(self._table()[process])

    def env_for_all_services(self) -> dict[str, str]:
        """The environment of commands for all services, with the URLs of the schemas' owners."""
        table = self._table()
        together = {
            name: value for service in catalog.NAMES for name, value in table[service].items()
        }
        return self._foreign_env() | together | {"PAYDOWN_KAFKA": self.ports.address("kafka")}

    def admin_url(self) -> str:
        """The address of its PostgreSQL, as a role that may create databases."""
        return self.database_url or postgres.admin_url(self.ports["postgres"], self._secret())

    def _foreign_env(self) -> dict[str, str]:
        ours = ("PAYDOWN_", "DATABASE_URL")
        return {
            name: value for name, value in self.environment.items() if not name.startswith(ours)
        }

    def _require_down(self) -> None:
        if self.is_up():
            raise CommandError(f"the stack in {self.state} is up; stop it first")

    def _startup(self) -> Startup:
        return Startup(self.supervisor, self.ports, self.say)

    def _check(self) -> None:
        """Everything that can be refused before anything is started."""
        self.ports.check_distinct()
        given = {"postgres"} if self.database_url else set[str]()
        self.ports.check_free(set(self.ports) - given)
        if self.database_url:
            provision.check(self.database_url)

    def _prepare(self, startup: Startup) -> None:
        """Make the folders, the servers' data and the supervisor's configuration; start it."""
        self.state.mkdir(parents=True, exist_ok=True)
        for folder in (self.state / "files", self.state / "simulator"):  # rosters lie in both
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        facts = {
            "ports": dict(self.ports),
            "database_url": self.database_url,
            "prefix": self.prefix,
        }
        write_private(self.state / FACTS, json.dumps(facts, indent=1))
        broker = kafka.broker(self.state, self.ports["kafka"], self.ports["kafka_controller"])
        server = (
            None
            if self.database_url
            else postgres.server(self.state, self.ports["postgres"], self._secret(), self.preload)
        )
        startup.side_by_side(broker.prepare, *([server.prepare] if server else []))
        self.supervisor.write(self._programs(server, broker))
        self.supervisor.start()

    def _programs(self, server: postgres.Server | None, broker: kafka.Broker) -> list[Program]:
        programs = [Program("kafka", broker.command, folder=broker.home, stop_wait_s=30)]
        if server:
            programs.append(
                Program(
                    "postgres",
                    server.command,
                    folder=Path("/"),
                    user=server.account.name if server.account else None,
                    stop_signal=postgres.STOP_SIGNAL,
                    stop_wait_s=30,
                )
            )
        table = self._table()
        python = [str(paths.PYTHON), "-m"]
        for name in environment.PROCESSES:
            own = environment.without_owner(table[name])
            command = [*python, "simulator"] if name == "simulator" else [*python, "services", name]
            programs.append(Program(name, command, {**own, "PYTHONUNBUFFERED": "1"}))
        return programs

    def _start(self, startup: Startup, republish: bool) -> None:
        """Start the databases with migrations, Kafka and the simulator side by side.

        Then make the topics, then start the services.
        """
        startup.side_by_side(
            lambda: self._start_databases(startup),
            lambda: startup.start("kafka"),
            lambda: startup.start("simulator"),
        )
        self._run("services", "topics")
        if republish:
            self.say(self._run("ops", "republish", "all"))
        startup.start(*catalog.NAMES)

    def _start_databases(self, startup: Startup) -> None:
        if not self.database_url:
            startup.start("postgres")
        for service in catalog.NAMES:
            provision.create(self.admin_url(), service, self.prefix, self._secret())
        self._run("services", "migrate")
        self.say("the databases are migrated")

    def _run(self, module: str, command: str, *arguments: str) -> str:
        """Run `python -m <module> <command> …` to its end and return what it printed."""
        done = subprocess.run(
            [str(paths.PYTHON), "-m", module, command, *arguments],
            cwd=paths.ROOT,
            env=self.env_for_all_services(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        log = self.supervisor.log(command)
        log.write_text(done.stdout + done.stderr)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
            why = lines[-1].removeprefix("paydown: ")
            raise CommandError(f"`python -m {module} {command}` failed: {why} (log: {log})")
        return done.stdout.strip()

    def _secret(self) -> str:
        return Secrets.load_or_create(self.state).database_secret

    def _table(self) -> dict[str, dict[str, str]]:
        admin_url, secrets = self.admin_url(), Secrets.load_or_create(self.state)
        urls = {
            service: provision.urls(admin_url, service, self.prefix, secrets.database_secret)
            for service in catalog.NAMES
        }
        return environment.with_users(
            environment.table(environment.StackFacts(self.state, self.ports, secrets, urls)),
            self.environment,
        )
