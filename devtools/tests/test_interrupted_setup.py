"""Set-up is killed at ten random moments, and the same command goes on each time.

It runs in a small checkout of its own: the real code, one package of one line, one jar, no network.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from devtools import paths
from devtools.setup import jars, python_environment
from devtools.setup.jars import Jar

CODE = ("devtools", "ops", "services/catalog.py", "libs/common/contracts", "Makefile")
LOCKED = ("runtime", "java", "postgres", "node", "jars")
KILLS = 10
SEED = 20261128
LIMIT_S = 120.0
END_LIMIT_S = 6.0  # within 2 s, on a machine that runs nothing beside the tests
WHEEL = "small-1.0-py3-none-any.whl"


def wheel(folder: Path) -> str:
    """A package of one module that needs nothing; returns its line in a lock file."""
    folder.mkdir()
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        archive.writestr("small.py", "VALUE = 1\n")
        archive.writestr(
            "small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
        )
        archive.writestr(
            "small-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("small-1.0.dist-info/entry_points.txt", "[console_scripts]\nsmall=small:x")
        archive.writestr("small-1.0.dist-info/RECORD", "")
    return f"small==1.0 --hash=sha256:{jars.sha256_of(folder / WHEEL)}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in CODE:
        source, target = paths.ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        else:
            shutil.copy(source, target)
    made_by = root / "devtools" / "setup" / "python_environment.py"
    text = made_by.read_text()
    imported = "import {', '.join(IMPORTED_BY_ALL)}"
    assert imported in text
    made_by.write_text(text.replace(imported, "import small"))
    lock = wheel(tmp_path / "index")
    (root / "requirements").mkdir()
    for name in LOCKED:
        (root / "requirements" / f"{name}.txt").write_text(lock)
    jar = tmp_path / "repository" / "org" / "example" / "kafka_one" / "1.0" / "kafka_one-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"a jar")
    (root / "deploy" / "kafka").mkdir(parents=True)
    (root / "deploy" / "kafka" / "jars.txt").write_text(
        str(Jar("org.example", "kafka_one", "1.0", jars.sha256_of(jar))) + "\n"
    )
    return root


def environment(checkout: Path) -> dict[str, str]:
    """The variables of a machine with a Java and with a PostgreSQL."""
    home = checkout.parent / "java"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "release").write_text('JAVA_VERSION="21.0.1"\n')
    (home / "bin" / "java").write_text("")
    (home / "bin" / "java").chmod(0o755)
    return {
        "PATH": os.environ["PATH"],
        "PYTHON": sys.executable,
        "JAVA_HOME": str(home),
        "DATABASE_URL": "postgresql://given.example/x",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(checkout.parent / "index"),
        jars.MIRROR: (checkout.parent / "repository").as_uri(),
    }


def command(checkout: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    """The command as make runs it."""
    return subprocess.Popen(
        ["devtools/bootstrap.sh", *words],
        cwd=checkout,
        env={**environment(checkout), **more},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finished(checkout: Path, *words: str) -> str:
    process = command(checkout, *words)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    return output


def is_whole(checkout: Path) -> bool:
    python = checkout / ".venv" / "bin" / "python"
    script = checkout / ".venv" / "bin" / "small"
    works = subprocess.run([str(python), "-c", "import small"], check=False).returncode == 0
    return works and script.read_text().startswith(f"#!{python}\n")


def test_killed_at_ten_moments_it_goes_on_and_never_leaves_half_an_environment(
    checkout: Path,
) -> None:
    began = time.monotonic()
    finished(checkout, "runtime")
    whole_s = time.monotonic() - began
    assert is_whole(checkout)
    moments = random.Random(SEED)
    for kill in range(KILLS):
        if kill % 5 == 0:  # from nothing, and then from what the kills before have left
            finished(checkout, "clean")
            assert not (checkout / ".venv").exists()
        elif (checkout / ".venv").exists():
            (checkout / ".venv" / "runtime.stamp").write_text("an older lock file")
        process = command(checkout, "runtime")
        time.sleep(moments.uniform(0, whole_s))
        process.send_signal(signal.SIGKILL if kill % 2 else signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
        if (checkout / ".venv").exists():
            assert is_whole(checkout), f"kill {kill}"
    finished(checkout, "runtime")
    assert is_whole(checkout)
    assert (checkout / ".cache" / "kafka-jars" / "kafka_one-1.0.jar").read_bytes() == b"a jar"
    drafts = checkout / ".cache" / "drafts"
    for _ in range(20):  # what a killed set-up had started may still write for a moment
        if not drafts.exists() or not list(drafts.iterdir()):
            return
        time.sleep(0.5)
        finished(checkout, "runtime")
    raise AssertionError(f"drafts are left: {list(drafts.iterdir())}")


def test_ctrl_c_ends_all_children_at_once(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = command(checkout, "runtime", PIP_NO_INDEX="", PIP_INDEX_URL=index)
        until = time.monotonic() + LIMIT_S
        while not any("pip" in one for one in children(checkout)) and time.monotonic() < until:
            time.sleep(0.02)
        assert children(checkout)
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        process.communicate(timeout=LIMIT_S)
        assert process.returncode == 130
        assert children(checkout) == []
        assert time.monotonic() - asked < END_LIMIT_S


def children(checkout: Path) -> list[str]:
    """Processes that run the Python of a draft, or make one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(checkout / ".cache" / "drafts") in words:
            found.append(words)
    return found


def test_the_command_line_is_in_the_environment_and_works_from_anywhere(
    checkout: Path, tmp_path: Path
) -> None:
    shutil.copy(paths.ROOT / "paydown", checkout / "paydown")
    (checkout / "cli").mkdir()
    (checkout / "cli" / "__main__.py").write_text("import small, sys; print(sys.argv[1:])")
    for _ in range(2):  # and once more, when a set is added
        finished(checkout, "runtime")
        called = subprocess.run(
            ["paydown", "status"],
            cwd=tmp_path,
            env={"PATH": f"{checkout / '.venv' / 'bin'}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (called.returncode, called.stdout) == (0, "['status']\n"), called.stderr
        (checkout / ".venv" / "runtime.stamp").write_text("an older lock file")


def test_a_command_waits_for_nothing_when_everything_is_there(checkout: Path) -> None:
    finished(checkout, "runtime")
    began = time.monotonic()
    output = finished(checkout, "runtime")
    assert time.monotonic() - began < 10
    assert output.count("\n") == 1


def test_what_the_environment_has_is_kept_when_another_set_is_added(checkout: Path) -> None:
    finished(checkout, "runtime")
    marker = checkout / ".venv" / "lib"
    marker = next(marker.glob("python3*/site-packages")) / "small.py"
    inode = marker.stat().st_ino
    (checkout / ".venv" / "runtime.stamp").write_text("an older lock file")
    finished(checkout, "runtime")
    assert marker.stat().st_ino == inode
    assert not python_environment.DISPLACED.exists()
