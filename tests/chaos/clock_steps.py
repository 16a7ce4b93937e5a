"""A stack whose wall clocks step: those of PostgreSQL and of all services, as on one machine.

A small library is preloaded into them (`wall_clock.c`, made with `cc`). Kafka and the provider have
the right time.
"""

import random
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devtools.stack.stack import Stack
from devtools.stack.supervisor import Program

HOUR_S = 3_600
STEPS_S = (300, -300, HOUR_S, -HOUR_S, 12 * HOUR_S, 48 * HOUR_S, -48 * HOUR_S)
SOURCE = Path(__file__).with_name("wall_clock.c")
RIGHT_TIME = ("kafka", "simulator")
NOTICED = "clock_stepped"


@dataclass
class ClockedStack(Stack):
    """A stack whose wall clocks can be set while it runs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = WallClock()

    def remove(self) -> None:
        super().remove()
        self.clock.remove()

    def _programs(self, *servers: Any) -> list[Program]:
        return [
            one
            if one.name in RIGHT_TIME
            else replace(one, environment=one.environment | self.clock.environment)
            for one in super()._programs(*servers)
        ]


class WallClock:
    """The file that says how far the clocks are ahead, and the library that reads it."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="paydown-clock-"))
        folder.chmod(0o755)  # PostgreSQL may run as another user
        self.library, self.file = folder / "wall_clock.so", folder / "ahead_s"
        command = [shutil.which("cc") or "gcc", "-shared", "-fPIC", "-O2", "-o", str(self.library)]
        subprocess.run([*command, str(SOURCE)], check=True, capture_output=True)
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "CHAOS_WALL_CLOCK": str(self.file)}

    def remove(self) -> None:
        shutil.rmtree(self.library.parent)

    def set(self, ahead_s: int) -> None:
        with self.file.open("r+b" if self.file.exists() else "wb") as opened:
            opened.write(struct.pack("l", ahead_s))


@dataclass
class Steps:
    """The steps that were made (seconds ahead), and how long each took to be logged."""

    made: list[int] = field(default_factory=list)
    noticed_after_s: list[float] = field(default_factory=list)


@contextmanager
def clock_steps(stack: ClockedStack, seed: int, every_s: float = 30.0) -> Iterator[Steps]:
    """Set the clocks of the stack again and again, at the end to the right time."""
    stop, steps, chance = threading.Event(), Steps(), random.Random(seed)
    log = stack.supervisor.log("dispatcher")

    def work() -> None:
        while not stop.wait(every_s):
            known, at = count_noticed(log), time.monotonic()
            steps.made.append(chance.choice(STEPS_S))
            stack.clock.set(steps.made[-1])
            while count_noticed(log) == known and time.monotonic() < at + every_s:
                if stop.wait(0.1):
                    return
            if count_noticed(log) > known:
                steps.noticed_after_s.append(time.monotonic() - at)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield steps
    finally:
        stop.set()
        thread.join(30)
        stack.clock.set(0)


def count_noticed(log: Path) -> int:
    return log.read_text(errors="replace").count(NOTICED) if log.exists() else 0
