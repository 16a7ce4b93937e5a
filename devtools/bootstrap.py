"""Install what paydown needs, once: Python packages, Java, Kafka's jars, a PostgreSQL.

    devtools/bootstrap.sh runtime|dev

Runs on any Python 3.11, without packages. Each step leaves a stamp (a hash of what it was made
from), so that a second call costs nothing.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools import paths
from devtools.stack import kafka, postgres
from ops.errors import CommandError, exit_code

PYTHON_SETS = {
    "runtime": ("runtime",),
    "dev": ("dev", "runtime"),  # dev.txt holds all of runtime.txt too
}
COLOUR = r"\x1b\[[0-9;]*m"  # Maven colours its errors
POM = paths.ROOT / "deploy" / "kafka" / "pom.xml"
IMPORTED_BY_ALL = (
    "alembic.command",
    "confluent_kafka.admin",
    "fastapi",
    "httpx",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql",
    "structlog",
    "uvicorn",
)
# The packages with a Java and a Maven, by package manager; only Homebrew needs no root.
PACKAGES = {
    "apt-get": {
        "java": "default-jre-headless",
        "maven": "maven",
        "install": "apt-get install -y -qq",
    },
    "dnf": {"java": "java-21-openjdk-headless", "maven": "maven", "install": "dnf install -y -q"},
    "apk": {"java": "openjdk21-jre-headless", "maven": "maven", "install": "apk add -q"},
    "brew": {"java": "openjdk", "maven": "maven", "install": "brew install -q"},
}


def set_up(wanted: str) -> None:
    """Install what `wanted` (runtime or dev) lacks; two calls at once wait for each other.

    Raises:
        CommandError: something cannot be installed here; names the command that installs it.
    """
    paths.CACHE.mkdir(exist_ok=True)
    with (paths.CACHE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ThreadPoolExecutor() as pool:  # Maven mostly waits, pip mostly computes
            for done in [pool.submit(_python, wanted), pool.submit(_kafka)]:
                done.result()


def _python(wanted: str) -> None:
    _python_packages(wanted, stamps=PYTHON_SETS[wanted])
    if not os.environ.get("DATABASE_URL") and not postgres.on_machine():
        _python_packages("postgres", stamps=("postgres",))


def _kafka() -> None:
    if kafka.find_java() is None:
        _install(
            "java", f"Java {kafka.OLDEST_JAVA} or newer", lambda: kafka.find_java() is not None
        )
    _kafka_jars()


def _python_packages(name: str, stamps: tuple[str, ...]) -> None:
    """Install requirements/<name>.txt into .venv; `stamps` are the sets that are complete then."""
    marks = {
        stamp: _digest(paths.ROOT / "requirements" / f"{stamp}.txt", sys.version)
        for stamp in stamps
    }
    if _runs(paths.PYTHON) and _stamp(name).exists() and _stamp(name).read_text() == marks[name]:
        return
    if not _runs(paths.PYTHON):
        with step("making the Python environment"):
            shutil.rmtree(paths.VENV, ignore_errors=True)
            _run(
                [sys.executable, "-m", "venv", str(paths.VENV)],
                "the Python environment cannot be made",
            )
    with step(f"installing Python packages ({name})"):
        # compiling everything takes longer than installing it, and most of it is never imported
        options = [
            "--no-compile",
            "--no-deps",
            "--require-hashes",
            "--no-input",
            "--disable-pip-version-check",
            "-q",
        ]
        requirements = str(paths.ROOT / "requirements" / f"{name}.txt")
        _run(
            [str(paths.PYTHON), "-m", "pip", "install", *options, "-r", requirements],
            f"requirements/{name}.txt cannot be installed",
        )
        if "runtime" in stamps:
            # compile once what every service imports, and not in all of them when they first start
            imports = f"import {', '.join(IMPORTED_BY_ALL)}"
            _run(
                [str(paths.PYTHON), "-W", "ignore", "-c", imports],
                "the installed packages do not work",
            )
    for stamp, mark in marks.items():
        _stamp(stamp).write_text(mark)


def _kafka_jars() -> None:
    stamp, mark = paths.CACHE / "kafka-jars.stamp", _digest(POM)
    if stamp.exists() and stamp.read_text() == mark and any(paths.KAFKA_JARS.glob("kafka_*.jar")):
        return
    if shutil.which("mvn") is None:
        _install("maven", "Maven", lambda: shutil.which("mvn") is not None)
    with step("fetching Apache Kafka"):
        draft = paths.CACHE / "kafka-jars.draft"
        shutil.rmtree(draft, ignore_errors=True)
        command = [
            "mvn",
            "-q",
            "-B",
            "-ntp",
            "-f",
            str(POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={draft}",
        ]
        _run(command, "Kafka's jars cannot be fetched by Maven")
        shutil.rmtree(paths.KAFKA_JARS, ignore_errors=True)
        draft.rename(paths.KAFKA_JARS)
    stamp.write_text(mark)


def _install(what: str, title: str, is_there: Callable[[], bool]) -> None:
    """Install something with the machine's package manager, if we may.

    Raises:
        CommandError: it is not there afterwards; names the command.
    """
    manager = next((name for name in PACKAGES if shutil.which(name)), None)
    if manager is None:
        raise CommandError(
            f"{title} is missing, and no package manager known here can install it; "
            f"install it and run this again"
        )
    command = [*PACKAGES[manager]["install"].split(), PACKAGES[manager][what]]
    if manager == "brew" or os.geteuid() == 0:
        with step(f"installing {title} by {manager}"):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            if manager == "apt-get":
                subprocess.run(
                    ["apt-get", "update", "-qq"], env=quiet, capture_output=True, check=False
                )
            subprocess.run(command, env=quiet, capture_output=True, check=False)
    if not is_there():
        sudo = "" if manager == "brew" or os.geteuid() == 0 else "sudo "
        verb = "add" if manager == "apk" else "install"
        raise CommandError(f"{title} is missing: {sudo}{manager} {verb} {PACKAGES[manager][what]}")


def _runs(python: Path) -> bool:
    """Whether the environment's Python works; the one that it was made from may be gone."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0


def _stamp(name: str) -> Path:
    return paths.VENV / f"{name}.stamp"


def _digest(file: Path, *more: str) -> str:
    return hashlib.sha256("\n".join([file.read_text(), *more]).encode()).hexdigest()


def _run(command: list[str], failure: str) -> None:
    """Run a command; `failure` is the beginning of the error if it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        text = re.sub(COLOUR, "", done.stderr + done.stdout)
        lines = [line for line in text.splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit code {done.returncode}"
        why = next((line for line in lines if "ERROR" in line.upper()), last)
        raise CommandError(f"{failure}: {why.strip()}")


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done, and how long it took."""
    print(f"{title} …", flush=True)
    began = time.monotonic()
    yield
    print(f"{title}: {time.monotonic() - began:.0f} s", flush=True)


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) != 1 or arguments[0] not in PYTHON_SETS:
        raise CommandError("usage: devtools/bootstrap.sh runtime|dev")
    set_up(arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
