"""What of the machine is used, which packages make up for the rest, and what nothing makes up for.

What is missing is said at once and as a whole, with one command that installs all of it.
"""

import os
import platform
import pwd
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from devtools import paths
from devtools.setup import java, node
from devtools.setup.found import Choice, Found
from devtools.stack import postgres
from ops.errors import CommandError

ROOM_MB = {"runtime": 700, "dashboard": 1_400, "dev": 1_800, "audit": 1_400, "fuzz": 900}
#: What is wanted without Node.
NO_NODE = frozenset({"runtime", "fuzz"})
# The packages that bring what our Python packages do not bring there, by package manager.
MANAGERS = {
    "apt-get": (
        "apt-get install -y",
        {"java": "default-jre-headless", "postgres": "postgresql", "node": "nodejs npm"},
    ),
    "dnf": (
        "dnf install -y",
        {"java": "java-latest-openjdk-headless", "postgres": "postgresql-server", "node": "nodejs"},
    ),
    "apk": (
        "apk add",
        {"java": "openjdk21-jre-headless", "postgres": "postgresql", "node": "nodejs npm"},
    ),
    "zypper": (
        "zypper install -y",
        {"java": "java-21-openjdk-headless", "postgres": "postgresql-server", "node": "nodejs22"},
    ),
    "pacman": (
        "pacman -S --needed",
        {"java": "jre-openjdk-headless", "postgres": "postgresql", "node": "nodejs npm"},
    ),
    "brew": ("brew install", {"java": "openjdk", "postgres": "postgresql@16", "node": "node"}),
}
OLDEST = {
    "java": f"Java {java.OLDEST} or newer",
    "postgres": f"PostgreSQL {postgres.OLDEST_MAJOR} or newer",
    "node": f"Node.js {node.OLDEST} or newer with npm",
}
NAMES = {"java": java.PACKAGE, "postgres": postgres.PACKAGE, "node": node.PACKAGE}


@dataclass
class Machine:
    """The programs of this machine and our environment, for one kind of set-up."""

    wanted: str
    java: Choice
    node: Choice | None  # None: it is not wanted
    has_postgres: bool
    needs_account: bool  # PostgreSQL would be started by root, and there is no user for it

    def packages(self) -> list[str]:
        """The sets of Python packages that stand in for what the machine does not have."""
        sets = [] if self.java.on_machine else ["java"]
        if not self.has_postgres:
            sets.append("postgres")
        if self.node is not None and not self.node.on_machine:
            sets.append("node")
        return sets

    def check(self) -> None:
        """Look whether the set-up can succeed here.

        Raises:
            CommandError: with everything that is missing, and one command.
        """
        lacking, install = list[str](), list[str]()
        if not _has_wheels():
            for name in self.packages():
                lacking.append(f"{OLDEST[name]} ({NAMES[name]} has no build for {_platform()})")
                install.append(name)
        free_mb = shutil.disk_usage(paths.ROOT).free // 1_000_000
        if not paths.VENV.exists() and free_mb < ROOM_MB[self.wanted]:
            lacking.append(
                f"room on the disk: {free_mb:,} MB are free, {ROOM_MB[self.wanted]:,} MB are needed"
            )
        commands = [command] if (command := install_command(install)) else []
        if self.needs_account:
            lacking.append("a user that PostgreSQL can run as, which refuses to run as root")
            commands.append("useradd --system postgres")
        if lacking:
            raise CommandError(
                "missing here: "
                + "; ".join([*lacking, *(f"{one} is too old" for one in self._refused())])
                + (f"\npaydown: install it by:  {' && '.join(commands)}" if commands else "")
            )

    def taken(self, server: Found | None) -> str:
        """One line: the programs that are used."""
        version = f"Python {platform.python_version()} ({paths.PYTHON.resolve()})"
        found = [self.java.taken, server, self.node.taken if self.node else None]
        refused = [f"{one} is too old" for one in self._refused()]
        return f"using {', '.join([version, *(str(one) for one in found if one), *refused])}"

    def _refused(self) -> Iterator[Found]:
        for choice in (self.java, self.node):
            if choice and not choice.on_machine:
                yield from choice.refused


def look(wanted: str) -> Machine:
    """What is on this machine; starts no program that is slow to start."""
    given = bool(os.environ.get("DATABASE_URL"))
    return Machine(
        wanted,
        java.choose(),
        None if wanted in NO_NODE else node.choose(),
        given or postgres.on_machine(),
        not given and os.geteuid() == 0 and not any(_is_user(name) for name in postgres.ACCOUNTS),
    )


def install_command(names: list[str]) -> str:
    """The command of this distribution that installs all of it; "" if none is known."""
    manager = next((name for name in MANAGERS if shutil.which(name)), None)
    if manager is None or not names:
        return ""
    command, packages = MANAGERS[manager]
    sudo = "" if manager == "brew" or os.geteuid() == 0 else "sudo "
    return f"{sudo}{command} {' '.join(packages[name] for name in names)}"


def _has_wheels() -> bool:
    """Whether the packages of Java, PostgreSQL and Node have builds for this kind of machine."""
    machine = platform.machine().lower() in ("x86_64", "amd64", "aarch64", "arm64")
    glibc = platform.libc_ver()[0] == "glibc"
    return machine and (glibc or platform.system() == "Darwin")


def _platform() -> str:
    libc = " without glibc" if platform.libc_ver()[0] != "glibc" else ""
    return f"{platform.system()} on {platform.machine()}{libc}"


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
