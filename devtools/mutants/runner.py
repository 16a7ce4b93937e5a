"""Apply mutants to copies of the tree and run their checks; a mutant that survives is an error."""

import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from devtools import paths
from devtools.test_servers import temporary_postgres
from ops.errors import CommandError

COPIED = ("libs", "services", "ops", "devtools", "simulator", "tests", "conftest.py")
COPIED_TOO = ("pyproject.toml", "deploy")
AT_ONCE = 2
LIMIT_S = 240.0
#: pytest's exit code where a test failed; others are errors of its own. A check that does not end
#: says nothing: the machine may be busy.
FAILED_TESTS, NOT_ENDED = 1, -1


@dataclass(frozen=True)
class Mutant:
    """One way to break the money path, and the check that must see it.

    `old` stands exactly once in `file`. `check` are arguments of pytest, relative to the root.
    """

    name: str
    file: str
    old: str
    new: str
    check: str


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: caught, survived, or an error of the mutant itself."""

    mutant: Mutant
    word: str
    seconds: float
    output: str = ""


def apply(mutant: Mutant, root: Path) -> str:
    """Write the mutant into a copy; return the text as it was.

    Raises:
        CommandError: its text does not stand exactly once in its file.
    """
    path = root / mutant.file
    text = path.read_text()
    found = text.count(mutant.old)
    if found != 1:
        raise CommandError(f"{mutant.name}: its text stands {found} times in {mutant.file}")
    path.write_text(text.replace(mutant.old, mutant.new))
    return text


def run_all(mutants: Sequence[Mutant], *, with_database: bool) -> list[Verdict]:
    """Run every mutant's check, two at a time, on one PostgreSQL if there is one that needs it."""
    folders: queue.SimpleQueue[Path] = queue.SimpleQueue()
    with (
        tempfile.TemporaryDirectory(prefix="paydown-mutants-") as folder,
        temporary_postgres() if with_database else nullcontext("") as url,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        for number in range(AT_ONCE):
            folders.put(copy_tree(Path(folder) / str(number)))

        def judge(mutant: Mutant) -> Verdict:
            root = folders.get()
            try:
                verdict = run_one(mutant, root, url)
            finally:
                folders.put(root)
            print(f"{verdict.word:9}{verdict.seconds:5.1f} s  {mutant.name}", flush=True)
            return verdict

        return list(threads.map(judge, mutants))


def copy_tree(root: Path) -> Path:
    """Copy what tests need."""
    ignored = shutil.ignore_patterns("__pycache__", ".run", "node_modules")
    root.mkdir()
    for name in (*COPIED, *COPIED_TOO):
        source = paths.ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignored)
        else:
            shutil.copy(source, root / name)
    return root


def run_one(mutant: Mutant, root: Path, postgres_url: str) -> Verdict:
    """Apply one mutant, run its check, and take the mutant back."""
    began = time.monotonic()
    with applied(mutant, root):
        environment = {
            **os.environ,
            "PAYDOWN_TEST_POSTGRES_URL": postgres_url,
            "PAYDOWN_SIMULATION_SEEDS": "25",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [str(paths.PYTHON), "-m", "pytest", "-x", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, *mutant.check.split(" ", 2)],
                cwd=root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            code, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            code, output = NOT_ENDED, "it did not end in time"
    word = {0: "survived", FAILED_TESTS: "caught"}.get(code, "error")
    return Verdict(mutant, word, time.monotonic() - began, output[-3_000:])


@contextmanager
def applied(mutant: Mutant, root: Path) -> Iterator[None]:
    """The copy has the mutant in this block."""
    text = apply(mutant, root)
    try:
        yield
    finally:
        (root / mutant.file).write_text(text)
