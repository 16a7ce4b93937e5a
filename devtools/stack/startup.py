"""Start the processes of a stack and wait until each is ready."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from devtools.stack.ports import Ports
from devtools.stack.status import is_ready
from devtools.stack.supervisor import Supervisor
from ops.errors import CommandError

START_LIMIT_S = 300.0  # for a process that hangs; one that dies is noticed at once
DEATHS_AT_START = 2  # a process that dies more often while it starts will not start
POLL_S = 0.1


@dataclass
class Startup:
    """One start of a stack. `say` gets a line for each process that is ready."""

    supervisor: Supervisor
    ports: Ports
    say: Callable[[str], None]
    abandoned: threading.Event = field(default_factory=threading.Event)

    def side_by_side(self, *tasks: Callable[[], None]) -> None:
        """Run tasks at once. When one fails or is interrupted, the others give up too."""
        with ThreadPoolExecutor(len(tasks)) as pool:
            try:
                for future in as_completed([pool.submit(task) for task in tasks]):
                    future.result()
            except BaseException:
                self.abandoned.set()
                raise

    def start(self, *names: str) -> None:
        """Start processes and wait until each is ready; one that runs already is left alone.

        Raises:
            CommandError: one keeps dying, or is not ready in time; with its last line.
        """
        for name in names:
            self.supervisor.start_program(name)
        waiting, pids = set(names), {name: set[int]() for name in names}
        until = time.monotonic() + START_LIMIT_S
        while waiting and not self.abandoned.is_set():
            processes = self.supervisor.processes()
            for name in sorted(waiting):
                pid = processes[name].pid if name in processes else 0
                pids[name] |= {pid} - {0}
                if pid and is_ready(name, self.ports[name]):
                    waiting.remove(name)
                    self.say(f"{name} is ready")
                elif len(pids[name]) > DEATHS_AT_START:
                    raise self._failure(name, "keeps ending")
                elif time.monotonic() > until:
                    raise self._failure(name, f"is not ready after {START_LIMIT_S:.0f} s")
            time.sleep(POLL_S)

    def _failure(self, name: str, what: str) -> CommandError:
        return CommandError(
            f"{name} {what}: {self.supervisor.last_line(name)} (log: {self.supervisor.log(name)})"
        )
