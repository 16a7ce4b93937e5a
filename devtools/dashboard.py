"""The dashboard: built for the gateway to serve, checked, and tried in a real browser.

    python -m devtools.dashboard build | check | browser

`build` never fails for want of Node: the API comes up without the dashboard and says so. `check` and `browser` are stages of `make test`;
where Node or Chromium is missing and cannot be installed they say loudly what was not tried.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from devtools import paths
from devtools.bootstrap import step
from devtools.stack.local_stack import Stack
from devtools.stack.ports import HOST, Ports
from ops.errors import Problem, exit_code

FOLDER = paths.ROOT / "dashboard"
DIST = FOLDER / "dist"
OLDEST_NODE = (20, 19)
MISSING = "Node.js 20.19 or newer with npm"
LEFT_OUT = {
    "dist",
    "node_modules",
    "screenshots",
    "e2e",
    "tests",
}  # of these the built pages hold nothing
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def build() -> bool:
    """Build what the gateway serves, if its sources have changed since; False, and a sentence, where there is no Node or it fails."""
    if not has_node():
        print(
            f"the dashboard is not built: {MISSING} is not on this machine; the API comes up without it",
            flush=True,
        )
        return False
    mark, stamp = sources_digest(), DIST / "stamp"
    if stamp.exists() and stamp.read_text() == mark:
        return True
    try:
        packages()
        with step("building the dashboard"):
            npm("exec", "--", "vite", "build", "--logLevel", "warn")
    except Problem as problem:
        print(f"the dashboard is not built: {problem}; the API comes up without it", flush=True)
        return False
    stamp.write_text(mark)
    return True


def check() -> int:
    """The client is that of the committed API, lint, types, unit tests, a build within its budgets."""
    if not has_node():
        return loudly(f"{MISSING} is missing: the dashboard was NOT checked")
    packages()
    for script in ("check", "build"):
        if subprocess.run(["npm", "run", "-s", script], cwd=FOLDER, check=False).returncode:
            return 1
    (DIST / "stamp").write_text(sources_digest())
    return 0


def browser() -> int:
    """In Chromium on a stack of its own: a batch from upload to summed reports, one by keyboard alone, what goes wrong, then every page under axe."""
    if not has_node():
        return loudly(f"{MISSING} is missing: the dashboard was NOT tried in a browser")
    chromium = find_chromium() or install_chromium()
    if not chromium:
        return loudly(
            "Chromium is missing and cannot be installed here: the dashboard was NOT tried in a browser"
        )
    if not build():
        return 1
    folder = Path(tempfile.mkdtemp(prefix="paydown-browser-"))
    folder.chmod(0o755)  # the database's user must be able to enter
    stack = Stack(folder / "state", Ports.free(), prefix="browser")
    try:
        stack.up()
        given = {
            "BASE_URL": f"http://{HOST}:{stack.ports.gateway}",
            "SIMULATOR_URL": f"http://{HOST}:{stack.ports.simulator}",
            "KAFKA": f"{HOST}:{stack.ports.kafka}",
            "CHROMIUM": chromium,
            "OUT": str(folder / "out"),
            "SUPERVISOR_URL": f"unix://{stack.supervisor.socket}",
        }
        for script in ("e2e:lifecycle", "e2e:keyboard", "e2e:failures", "accessibility"):
            with step(f"npm run {script}"):
                code = subprocess.run(
                    ["npm", "run", "-s", script],
                    cwd=FOLDER,
                    env={**os.environ, **given},
                    check=False,
                    timeout=900,
                ).returncode
            if code != 0:
                print("\n".join(["what ended meanwhile:", *stack.supervisor.ended()]), flush=True)
                return 1
        return 0
    finally:
        stack.down()
        stack.remove()
        shutil.rmtree(folder, ignore_errors=True)


def has_node() -> bool:
    """Whether a Node new enough and its npm are here."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and tuple(map(int, found.groups())) >= OLDEST_NODE


def packages() -> None:
    """Install the locked packages, once for each lock.

    Raises:
        Problem: npm cannot.
    """
    mark, stamp = (
        hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest(),
        FOLDER / "node_modules" / "stamp",
    )
    if stamp.exists() and stamp.read_text() == mark:
        return
    with step("installing the dashboard's packages"):
        npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
    stamp.write_text(mark)


def npm(*words: str) -> None:
    """Run npm in the dashboard's folder.

    Raises:
        Problem: with the last thing it said.
    """
    done = subprocess.run(
        ["npm", *words],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or [
            f"exit code {done.returncode}"
        ]
        raise Problem(f"npm {words[0]} failed: {said[-1].strip()[:300]}")


def sources_digest() -> str:
    """One value for everything the built pages are made of."""
    digest = hashlib.sha256()
    for file in sorted(
        path
        for path in FOLDER.rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.relative_to(FOLDER).parts)
    ):
        digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def find_chromium() -> str:
    """Chromium's path, or nothing."""
    return os.environ.get("CHROMIUM") or next(
        (found for name in CHROMIUM if (found := shutil.which(name))), ""
    )


def install_chromium() -> str:
    """By Debian's package manager, where we may; its path, or nothing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return ""
    with step("installing Chromium by apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(["apt-get", *words], env=quiet, capture_output=True, check=False)
    return find_chromium()


def loudly(text: str) -> int:
    """Say what was not tried; no failure, because the machine is allowed to lack it."""
    print(f"\n{'!' * 80}\n{text}\n{'!' * 80}\n", flush=True)
    return 0


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["build"]:
            build()
            return 0
        case ["check"]:
            return check()
        case ["browser"]:
            return browser()
    raise Problem("usage: python -m devtools.dashboard build | check | browser")


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
