"""The Python environment `.venv`: made as a draft beside it, and renamed when it is whole.

So `.venv` is never half-made, whenever a set-up is interrupted. What it has already is not
installed again: a draft begins as a copy of it, made of hard links. A stamp for each set of
packages holds a digest of its lock file.
"""

import ensurepip
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

from devtools import paths
from devtools.setup import failures, node
from devtools.setup.steps import ChildFailed, Steps, in_words

REQUIREMENTS = paths.ROOT / "requirements"
COMMAND_LINE = paths.ROOT / "paydown"
DISPLACED = paths.ROOT / ".venv.displaced"  # the old one, for the moment between two renames
CONTAINS = {"dev": ("dev", "runtime", "postgres")}  # dev.txt holds all of the other two
TRIES = 2  # of pip, which tries each download several times itself
PARTS = 3  # pip waits for the network in one while it unpacks in another
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


def missing(sets: Sequence[str]) -> list[str]:
    """Those of the sets that are not in the environment as they are locked now."""
    if DISPLACED.exists() and not paths.VENV.exists():
        DISPLACED.rename(paths.VENV)
    if not _runs(paths.PYTHON):
        return list(sets)
    return [name for name in sets if _read(paths.VENV / f"{name}.stamp") != _mark(name)]


def lock_file(name: str) -> Path:
    """The locked packages of a set, with their hashes."""
    return REQUIREMENTS / f"{name}.txt"


class Draft:
    """An environment that is being made in `folder`, on the file system of the real one."""

    def __init__(self, steps: Steps, folder: Path) -> None:
        self.steps, self.folder, self.root = steps, folder, folder / "venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def _site_packages(self) -> Path:
        return next(self.root.glob("lib/python3*/site-packages"))

    def make(self) -> None:
        """A copy of the present environment, or an empty one if that was made by another Python.

        Raises:
            CommandError: it cannot be made.
        """
        if _runs(paths.PYTHON) and _read(paths.VENV / "python.stamp") == sys.version:
            shutil.copytree(paths.VENV, self.root, symlinks=True, copy_function=_link)
            return
        title = "making the Python environment"
        with self.steps.step(title):
            bundled = _bundled_pip()
            options = ["--without-pip"] if bundled else []
            try:
                self.steps.run(title, [sys.executable, "-m", "venv", *options, str(self.root)])
            except ChildFailed as error:
                raise in_words("the Python environment cannot be made", error) from None
            if bundled:
                with zipfile.ZipFile(bundled) as wheel:
                    wheel.extractall(self._site_packages)
        _replace(self.root / "python.stamp", sys.version)

    def install(self, names: Sequence[str], title: str, into: Path | None = None) -> None:
        """Install sets of packages, here or into a folder; again if the network fails meanwhile.

        Large sets are installed in parts, side by side.

        Raises:
            CommandError: they cannot be installed.
        """
        lists = self._parts(names)
        with self.steps.step(title):
            self.steps.side_by_side(
                *(functools.partial(self._pip, one, title, into) for one in lists)
            )

    def _parts(self, names: Sequence[str]) -> list[Path]:
        """The locked packages of some sets as one or several lists for pip."""
        locks = "\n".join(lock_file(name).read_text().strip() for name in names)
        locked = re.split(r"\n(?=\S)", locks)
        count = PARTS if len(locked) > PARTS * PARTS else 1
        parts = [self.folder / f"{'-'.join(names)}-{part}.txt" for part in range(count)]
        for index, part in enumerate(parts):
            part.write_text("\n".join(locked[index::count]) + "\n")
        return parts

    def _pip(self, requirements: Path, title: str, into: Path | None) -> None:
        temporary = requirements.with_suffix(".tmp")
        temporary.mkdir()
        # compiling everything takes longer than installing it, and most of it is never imported
        options = "--no-compile --no-deps --require-hashes --no-input --disable-pip-version-check"
        command = [str(self.python), "-m", "pip", "install", *options.split(), "-q"]
        if not os.environ.get("PIP_DEFAULT_TIMEOUT"):
            command += ["--timeout", "20"]
        command += ["--target", str(into)] if into else []
        environment = {**os.environ, "TMPDIR": str(temporary)}
        growing = (temporary, into or self._site_packages)
        for left in reversed(range(TRIES)):
            try:
                self.steps.run(title, [*command, "-r", str(requirements)], environment, growing)
                break
            except ChildFailed as error:
                if not left or self.steps.ended or not failures.is_network(str(error)):
                    raise in_words("Python packages cannot be installed", error) from None
                self.steps.complain(title, f"{failures.explain(str(error))}; trying again")

    def finish(self, names: Sequence[str]) -> None:
        """Stamp the sets that are installed now, and put the draft in the place of the old one.

        Raises:
            CommandError: the installed packages do not work.
        """
        contained = [one for name in names for one in CONTAINS.get(name, (name,))]
        if "node" in contained:
            node.link(self.root)
        if "runtime" in contained:
            # compile once what every service imports, and not in all of them when they first start
            command = [
                str(self.python),
                "-W",
                "ignore",
                "-c",
                f"import {', '.join(IMPORTED_BY_ALL)}",
            ]
            try:
                self.steps.run("compiling", command)
            except ChildFailed as error:
                raise in_words("the installed packages do not work", error) from None
        for name in contained:
            _replace(self.root / f"{name}.stamp", _mark(name))
        self._point_scripts_to_the_final_place()
        self._link_the_command_line()
        shutil.rmtree(DISPLACED, ignore_errors=True)
        if paths.VENV.exists():
            paths.VENV.rename(DISPLACED)
        self.root.rename(paths.VENV)
        shutil.rmtree(DISPLACED, ignore_errors=True)

    def _link_the_command_line(self) -> None:
        """`paydown` beside the other programs: who has the environment in their PATH has it."""
        link = self.root / "bin" / COMMAND_LINE.name
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(COMMAND_LINE, paths.VENV / "bin"))

    def _point_scripts_to_the_final_place(self) -> None:
        """Scripts begin with the path of their Python, which is still that of the draft."""
        for script in [*(self.root / "bin").iterdir(), self.root / "pyvenv.cfg"]:
            if script.is_symlink() or not script.is_file():
                continue
            content = script.read_bytes()
            moved = content.replace(os.fsencode(self.root), os.fsencode(paths.VENV))
            if moved != content:
                _replace(script, moved)


def _runs(python: Path) -> bool:
    """Whether the environment's Python works; the one that it was made from may be gone."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0


def _bundled_pip() -> Path | None:
    """The pip that comes with this Python, as a wheel.

    To unpack it takes a tenth of the time that `venv` takes to install it.
    """
    folders = (
        Path(ensurepip.__file__).parent / "_bundled",
        Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/nonexistent"),  # Debian, Fedora
    )
    return next((wheel for folder in folders for wheel in folder.glob("pip-*.whl")), None)


def _mark(name: str) -> str:
    content = lock_file(name).read_text()
    return hashlib.sha256(f"{content}\n{sys.version}".encode()).hexdigest()


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text()
    except OSError:
        return ""


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _replace(file: Path, content: str | bytes) -> None:
    """Write a file as a new one: the old one may be a hard link to that of another environment."""
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    if file.exists():
        shutil.copymode(file, new)
    new.replace(file)
