"""What figures depend on: the machine, what else it does, the code, the servers' settings."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import create_engine

from devtools import paths
from libs.common.database.engine import run
from libs.common.messaging import kafka

BUSY_S = 1.0
BUSY_CORES = 0.5  # with so much other work a figure is one of a loaded machine
DURABILITY = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
PRODUCER = ("acks", "enable.idempotence", "compression.type")


def describe() -> dict[str, str]:
    """The machine and the commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "commit": commit(),
        "machine": (
            f"{os.cpu_count()} cores ({_processor()}), {memory:.1f} GiB, "
            f"{platform.system()} {platform.release()}, Python {sys.version.split()[0]}"
        ),
    }


def commit() -> str:
    """The commit of the checkout, and whether files differ from it; empty without git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{head}{changed}" if head else ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def postgres_settings(admin_url: str) -> str:
    """The settings of a server on which it depends what a commit costs."""
    engine = create_engine(admin_url)
    with engine.connect() as connection:
        settings = [f"{name} {run(connection, f'SHOW {name}').scalar()}" for name in DURABILITY]
    engine.dispose()
    return ", ".join(settings)


def producer_settings() -> str:
    """The settings with which services write to Kafka."""
    config = kafka.producer_config("")
    return ", ".join(f"{name} {config[name]}" for name in PRODUCER)


def busy_cores(seconds: float = BUSY_S) -> float:
    """How many cores are busy, measured for so long. It counts every program's work."""
    before, began = _busy_ticks(), time.monotonic()
    time.sleep(seconds)
    ticks = _busy_ticks() - before
    return ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)


def _busy_ticks() -> int:
    """CPU ticks of all programs since the machine started, without idle and waiting for disks."""
    user, nice, system, _idle, _wait, irq, softirq = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return user + nice + system + irq + softirq
