"""Run the stages of `make test` and print how long each took: `python -m devtools.ci [stage …]`.

The output of stages that run side by side is in `.cache/ci` while they run.
"""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from devtools import paths
from ops.errors import CommandError, exit_code


class Group(NamedTuple):
    """Stages that run in at most `lanes` at a time; a lane that is free takes the next of them."""

    lanes: int
    stages: Sequence[str]


BIN = paths.VENV / "bin"
LOGS = paths.CACHE / "ci"
RECORD = LOGS / "last.json"  # how long the last whole suite took; `make bench` shows it
END_LIMIT_S = 60.0  # a stage stops its servers in this time, or is killed
PYTEST = [str(paths.PYTHON), "-m", "pytest", "--durations=5"]
APART = "not flow and not chaos and not containers and not keycloak"
UNIT = f"not database and not broker and {APART}"
STORES = f"(database or broker) and {APART}"
FLOW = ("tests/flow", "devtools")  # the folders with such tests: reading all takes 10 s of a core
RESTORE = ("tests/flow/test_keys_and_broker.py", "tests/flow/test_restore.py")
STAGES = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy"), "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "contracts": [str(paths.PYTHON), "-m", "devtools.contracts", "--check"],
    "unit": [*PYTEST, "-m", UNIT],
    "stores": [*PYTEST, "-m", STORES, "--ignore=tests/broker", "--ignore=services/dispatcher"],
    "dispatcher": [*PYTEST, "-m", STORES, "services/dispatcher"],
    "broker": [*PYTEST, "-m", "not flow and not chaos", "tests/broker"],
    "flow": [*PYTEST, "-m", "flow", *(f"--ignore={file}" for file in RESTORE), *FLOW],
    "restore": [*PYTEST, "-m", "flow", *RESTORE],
    "dashboard": [str(paths.PYTHON), "-m", "devtools.dashboard", "check"],
    "browser": [str(paths.PYTHON), "-m", "devtools.dashboard", "browser"],
    "chaos": [*PYTEST, "-s", "-m", "chaos", "tests/chaos"],
    "containers": [*PYTEST, "-s", "-m", "containers", "tests/containers"],
    "keycloak": [*PYTEST, "-m", "keycloak", "tests/identity_provider"],
    "explore": [str(paths.PYTHON), "-m", "services.dispatcher.tests.explorer"],
    "mutants": [str(paths.PYTHON), "-m", "devtools.mutants"],
    "simulate": [
        *PYTEST,
        "services/dispatcher/tests/test_simulation.py",
        "services/dispatcher/tests/test_explorer.py",
    ],
}

#: What `make test` runs: groups one after the other. Three lanes, for two cores: tests with servers
#: wait half of their time. What takes seconds begins first, so that a slip shows at once; then the
#: longest, so that the lanes end together. A browser has the machine for itself. The stages that
#: are not here take longer than a suite should.
SUITE: Sequence[Group] = (
    Group(1, ["format", "lint", "imports", "contracts"]),
    Group(3, ["dashboard", "types", "stores", "restore", "broker", "flow", "dispatcher", "unit"]),
    Group(1, ["browser"]),
)


class Suite:
    """Runs stages, and ends what still runs as soon as one has failed."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.failed: list[str] = []
        self._running: set[subprocess.Popen[str]] = set()
        self._changing = threading.Lock()
        self._kill_at = math.inf

    def run(self, group: Group) -> None:
        """Run the stages of a group; what two of them print is not mixed."""
        alone = group.lanes == 1
        with ThreadPoolExecutor(group.lanes) as pool:
            try:
                stages = [pool.submit(self._run_stage, name, alone) for name in group.stages]
                wait(stages)
            except BaseException:
                self._end_all("interrupted")
                raise
        for stage in stages:
            stage.result()

    def _run_stage(self, name: str, alone: bool) -> None:
        """Run one stage; its output is printed at once if it is alone, else when it has ended."""
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"{name}.log"
        began = time.monotonic()
        with log.open("w") as file:
            output = None if alone else file
            with self._changing:
                if self.failed:
                    return
                print(f"== {name}" if alone else f".. {name} begins ({log})", flush=True)
                process = subprocess.Popen(
                    STAGES[name],
                    cwd=paths.ROOT,
                    text=True,
                    stdout=output,
                    stderr=output,
                    process_group=0,  # so that a Ctrl-C reaches it once, by us
                )
                self._running.add(process)
            code = self._wait(process)
        with self._changing:
            self._running.discard(process)
            ended_by_us = bool(code and self.failed)
            took = f"{name} {time.monotonic() - began:.0f} s"
            self.took.append(f"{took} (ended)" if ended_by_us else took)
            if not alone:
                print(f"== {name}\n{log.read_text(errors='replace')}", end="", flush=True)
        if code and not ended_by_us:
            self._end_all(name)

    def _wait(self, process: subprocess.Popen[str]) -> int:
        """Its exit code; what was told to end, and does not, is killed."""
        while True:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                if time.monotonic() > self._kill_at:
                    os.killpg(process.pid, signal.SIGKILL)

    def _end_all(self, why: str) -> None:
        """End the stages that run, as Ctrl-C does, so that they stop their servers."""
        with self._changing:
            self.failed.append(why)
            self._kill_at = time.monotonic() + END_LIMIT_S
            for process in self._running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)


def main(names: list[str]) -> int:
    """Run the named stages one by one, or all; stops at the first that fails and returns 1."""
    unknown = set(names) - set(STAGES)
    if unknown:
        raise CommandError(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    suite, began = Suite(), time.monotonic()
    for group in [Group(1, names)] if names else SUITE:
        suite.run(group)
        if suite.failed:
            print(f"{suite.failed[0]} failed ({', '.join(suite.took)})", file=sys.stderr)
            return 1
    seconds = time.monotonic() - began
    print(f"all passed in {seconds:.0f} s: {', '.join(suite.took)}")
    if not names:
        RECORD.write_text(json.dumps({"seconds": round(seconds, 1), "stages": suite.took}) + "\n")
    return 0


def _terminate(*_: object) -> None:
    raise SystemExit(143)  # unwinds, so that the stages end


if __name__ == "__main__":
    # A shell that starts this in the background has SIGINT ignored, and stages would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
