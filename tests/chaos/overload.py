"""A stack whose machine is overloaded: many processes that are never idle run beside it.

The stack's own supervisor starts them, so that each has the same share of the processors as each
process of the stack. Linux may share them out between sessions first ("autogroup"): a load that was
started elsewhere would then starve the stack altogether, or not touch it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devtools import paths
from devtools.stack.stack import Stack
from devtools.stack.supervisor import Program

TIMES = 20
PROCESSES = TIMES * (os.cpu_count() or 1)
BUSY = "busy"
#: The broker also logs who left a group, and when a group is rebalanced.
GROUP_LOG = """
logger.groups.name = org.apache.kafka.coordinator.group
logger.groups.level = info
"""
LOG_SETTINGS = paths.ROOT / "deploy" / "kafka" / "log4j2.properties"
#: What else runs on the machine is no part of the load that the figures name.
SESSION_NICE = -15


@dataclass
class OverloadedStack(Stack):
    """A stack beside which processes can be started that never rest."""

    def _programs(self, *servers: Any) -> list[Program]:  # Any: as those of Stack
        programs = [
            self._with_group_log(one) if one.name == "kafka" else one
            for one in super()._programs(*servers)
        ]
        command = [str(paths.PYTHON), "-m", "tests.chaos.busy", str(PROCESSES)]
        return [*programs, Program(BUSY, command)]

    def _with_group_log(self, kafka: Program) -> Program:
        own = self.state / "log4j2.properties"
        own.write_text(LOG_SETTINGS.read_text() + GROUP_LOG)
        command = [word.replace(str(LOG_SETTINGS), str(own)) for word in kafka.command]
        assert command != kafka.command
        return replace(kafka, command=command)


@contextmanager
def overload(stack: OverloadedStack) -> Iterator[None]:
    """Twenty processes for each processor that are never idle, as long as the block lasts."""
    prefer_session(stack.supervisor.pid() or 0)
    prefer_session(os.getpid())  # which only watches
    try:
        stack.supervisor.start_program(BUSY)
        yield
    finally:
        stack.supervisor.stop_programs([BUSY])


def prefer_session(pid: int) -> None:
    """Prefer a process's session to all others, as far as Linux knows that and allows it."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(SESSION_NICE))
