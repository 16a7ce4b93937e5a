"""Install what paydown needs, once: Python packages, Kafka's jars, and what the machine lacks.

    devtools/bootstrap.sh runtime|dashboard|dev|audit|fuzz

`runtime` is all that `make demo` needs, `dashboard` adds Node, `dev`, `audit` and `fuzz` add tools.
It runs on any Python 3.11, without packages and without any right: Java, Node and PostgreSQL come
from Python packages where the machine has none that is new enough. A second call costs nothing.
Interrupted at any moment, the same command goes on.
"""

import fcntl
import functools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from devtools import paths
from devtools.setup import failures, jars, machine, node, python_environment
from devtools.setup.found import Found
from devtools.setup.python_environment import Draft
from devtools.setup.steps import ChildFailed, Steps, in_words
from devtools.stack import postgres
from ops.errors import CommandError, exit_code

PYTHON_SETS = {
    "runtime": ("runtime",),
    "dashboard": ("runtime",),
    "dev": ("dev",),
    "audit": ("runtime", "audit"),
    "fuzz": ("runtime", "fuzz"),
}
DRAFTS = paths.CACHE / "drafts"
TITLES = {
    "runtime": "installing Python packages",
    "dev": "installing Python packages and tools",
    "audit": "installing tools",
    "fuzz": "installing tools",
    "java": "Java",
    "postgres": "PostgreSQL",
    "node": "Node",
}


def set_up(wanted: str) -> None:
    """Install what is `wanted` (runtime, dashboard, dev, audit, fuzz); a second call at once waits.

    Raises:
        CommandError: something is missing here or cannot be fetched; says what to do.
    """
    paths.CACHE.mkdir(exist_ok=True)
    with (paths.CACHE / "setup.lock").open("w") as lock:
        _wait_for(lock)
        shutil.rmtree(DRAFTS, ignore_errors=True)  # of set-ups that were killed
        found = machine.look(wanted)
        found.check()
        lacking = python_environment.missing([*PYTHON_SETS[wanted], *found.packages()])
        if lacking or not jars.complete():
            _install(lacking)
            found = machine.look(wanted)
        if wanted not in machine.NO_NODE and node.choose().taken is None:
            raise CommandError("Node of the Python package does not run on this machine")
        print(found.taken(_server()), flush=True)


def _install(lacking: Sequence[str]) -> None:
    """Make the environment and fetch the jars, side by side."""
    DRAFTS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=DRAFTS))
    try:
        with Steps() as steps:
            draft = Draft(steps, folder)
            draft.make()
            programs = [name for name in lacking if name in machine.NAMES]
            packages = [name for name in lacking if name not in machine.NAMES]
            tasks = [
                functools.partial(draft.install, names, _title(names))
                for names in (packages, programs)
                if names
            ]
            if not jars.complete():
                tasks.append(functools.partial(_fetch_jars, steps, draft))
            steps.side_by_side(*tasks)
            if lacking:
                draft.finish(lacking)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _title(names: Sequence[str]) -> str:
    if set(names) <= set(machine.NAMES):
        return f"fetching {', '.join(TITLES[name] for name in names)} as Python packages"
    return TITLES[names[0]]


def _fetch_jars(steps: Steps, draft: Draft) -> None:
    """Fetch what is missing of Kafka's jars; those that have arrived are kept."""
    listed = jars.read_list(jars.LIST.read_text())
    if jars.still_to_fetch(listed):
        search = [str(paths.ROOT)]
        if not jars.mirror():
            client = draft.folder / "jgo"
            draft.install(["jars"], "fetching a Maven client", into=client)
            search.append(str(client))
        title = "fetching Apache Kafka"
        with steps.step(title):
            try:
                steps.run(
                    title,
                    [str(draft.python), "-m", "devtools.setup.fetch_jars"],
                    {**os.environ, "PYTHONPATH": os.pathsep.join(search)},
                    (jars.DRAFT,),
                    lambda line: steps.progress(title, f"{line.strip()} jars"),
                )
            except ChildFailed as error:
                raise in_words("Kafka's jars cannot be fetched", error) from None
    jars.finish(listed)


def _server() -> Found | None:
    """The PostgreSQL that a new stack is started with; none if DATABASE_URL names a server."""
    if os.environ.get("DATABASE_URL"):
        return None
    folder = postgres.choose_binaries(paths.UP / "no-data")
    package = postgres.PACKAGE if paths.VENV in folder.parents else ""
    return Found("PostgreSQL", str(postgres.major_version(folder)), folder, package)


def _wait_for(lock: TextIO) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another set-up of this checkout is running; waiting for it", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) != 1 or arguments[0] not in PYTHON_SETS:
        raise CommandError("usage: devtools/bootstrap.sh runtime|dashboard|dev|audit|fuzz")
    try:
        set_up(arguments[0])
    except ChildFailed:  # ended by a signal to all of us
        return 130
    except OSError as error:
        words = failures.explain(str(error.strerror or error))
        raise CommandError(f"setting up failed: {words}") from None
    return 0


def _terminate(*_: object) -> None:
    raise SystemExit(143)  # unwinds, so that children end


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
