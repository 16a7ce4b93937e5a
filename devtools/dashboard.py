"""Build the dashboard for the gateway, check it, and try it in a real browser.

    python -m devtools.dashboard build | check | browser [SCRIPT …]

`build` does not fail if Node is missing: the API works without the dashboard, and a line says so.
`check` and `browser` are stages of `make test`. Where Node or Chromium is missing, they print in
large what was not tried. `browser` with names runs these scripts of package.json and no others; OUT
names the folder of their pictures. Chromium is installed with the machine's package manager only
where `PAYDOWN_APT=yes` asks for it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devtools import paths
from devtools.setup import failures, node
from devtools.setup.steps import Steps
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops.errors import CommandError, exit_code

FOLDER = paths.ROOT / "dashboard"
DIST = FOLDER / "dist"
MISSING = f"Node.js {node.OLDEST} or newer with npm"
NOT_IN_PAGES = {"dist", "node_modules", "screenshots", "e2e", "tests"}
SCRIPTS = (
    *("e2e:lifecycle", "e2e:keyboard", "e2e:failures", "e2e:decisions", "e2e:freshness"),
    "accessibility",
)
SCRIPT_LIMIT_S = 900
PATIENCE = ("--fetch-timeout=20000", "--fetch-retries=3")  # milliseconds without a byte
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
APT = "PAYDOWN_APT"  # "yes": packages may be installed with apt-get


def build() -> bool:
    """Build the pages that the gateway serves, if their sources have changed.

    Returns:
        False, after a line that says why, if there is no Node or the build fails.
    """
    if not has_node():
        return _not_built(f"{MISSING} is not on this machine")
    mark, stamp = sources_digest(), DIST / "stamp"
    if stamp.exists() and stamp.read_text() == mark:
        return True
    try:
        install_packages()
        with Steps().step("building the dashboard"):
            npm("exec", "--", "vite", "build", "--logLevel", "warn")
    except CommandError as error:
        return _not_built(str(error))
    stamp.write_text(mark)
    return True


def _not_built(why: str) -> bool:
    print(f"the dashboard is not built: {why}; the API comes up without it", flush=True)
    return False


def check() -> int:
    """Check the client against the committed API, lint, types, unit tests and the bundle budget."""
    if not has_node():
        return print_not_tried(f"{MISSING} is missing: the dashboard was NOT checked")
    install_packages()
    for script in ("check", "build"):
        command = ["npm", "run", "-s", script]
        if subprocess.run(command, cwd=FOLDER, env=npm_environment(), check=False).returncode:
            return 1
    (DIST / "stamp").write_text(sources_digest())
    return 0


def browser(scripts: Sequence[str] = SCRIPTS) -> int:
    """Try the dashboard in Chromium on a stack of its own.

    A batch from upload to summed reports, one by keyboard alone, failures, a redirected loan and a
    later start, how old figures are, then every page under axe.

    Args:
        scripts: scripts of package.json, each with its arguments.
    """
    if not has_node():
        return print_not_tried(f"{MISSING} is missing: the dashboard was NOT tried in a browser")
    chromium = find_chromium() or install_chromium()
    if not chromium:
        return print_not_tried(
            "Chromium is missing: the dashboard was NOT tried in a browser. "
            f"As root on Debian, {APT}=yes makes `make test` install it."
        )
    if not build():
        return 1
    folder = Path(tempfile.mkdtemp(prefix="paydown-browser-"))
    folder.chmod(0o755)  # the user that runs PostgreSQL must be able to enter
    stack = Stack(folder / "state", Ports.free(), prefix="browser")
    try:
        stack.up()
        variables = {
            "BASE_URL": stack.ports.url("gateway"),
            "SIMULATOR_URL": stack.ports.url("simulator"),
            "KAFKA": stack.ports.address("kafka"),
            "KEYS": str(stack.state),
            "CHROMIUM": chromium,
            "OUT": os.environ.get("OUT") or str(folder / "out"),
            "SUPERVISOR_URL": f"unix://{stack.supervisor.socket}",
        }
        for script in scripts:
            with Steps().step(f"npm run {script}"):
                code = subprocess.run(
                    ["npm", "run", "-s", *script.split()],
                    cwd=FOLDER,
                    env={**npm_environment(), **variables},
                    check=False,
                    timeout=SCRIPT_LIMIT_S,
                ).returncode
            if code != 0:
                exits = stack.supervisor.unexpected_exits()
                print("\n".join(["processes that ended meanwhile:", *exits]), flush=True)
                return 1
        return 0
    finally:
        stack.down()
        stack.remove()
        shutil.rmtree(folder, ignore_errors=True)


def has_node() -> bool:
    """Whether a new enough Node and its npm are here."""
    return node.choose().taken is not None


def npm_environment() -> dict[str, str]:
    """The environment in which `npm` is that of the chosen Node."""
    found = node.choose().taken
    return node.environment(found) if found else dict(os.environ)


def install_packages() -> None:
    """Install the locked packages, once for each lock file.

    Raises:
        CommandError: npm fails.
    """
    mark = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / "stamp"
    if stamp.exists() and stamp.read_text() == mark:
        return
    with Steps().step("installing the dashboard's packages"):
        npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", *PATIENCE)
    stamp.write_text(mark)


def npm(*words: str) -> None:
    """Run npm in the dashboard's folder.

    Raises:
        CommandError: what went wrong, in words.
    """
    done = subprocess.run(
        ["npm", *words],
        cwd=FOLDER,
        env=npm_environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise CommandError(f"npm {words[0]} failed: {failures.explain(done.stdout + done.stderr)}")


def sources_digest() -> str:
    """One value for all files of which the pages are built."""
    digest = hashlib.sha256()
    files = (path for path in FOLDER.rglob("*") if path.is_file())
    for file in sorted(
        file for file in files if not NOT_IN_PAGES & set(file.relative_to(FOLDER).parts)
    ):
        digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def find_chromium() -> str:
    """The path of Chromium; "" if there is none."""
    return os.environ.get("CHROMIUM") or next(
        (found for name in CHROMIUM if (found := shutil.which(name))), ""
    )


def install_chromium() -> str:
    """Install Chromium with apt-get, if asked to. Returns its path; "" if it is not there then."""
    if os.environ.get(APT) != "yes" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return ""
    with Steps().step("installing Chromium by apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(["apt-get", *words], env=quiet, capture_output=True, check=False)
    return find_chromium()


def print_not_tried(text: str) -> int:
    """Print in large what was not tried; no failure, because the machine may lack it."""
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
        case ["browser", *scripts]:
            return browser(scripts)
    raise CommandError("usage: python -m devtools.dashboard build | check | browser [SCRIPT …]")


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
