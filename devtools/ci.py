"""Run the stages of `make test` and print how long each took: `python -m devtools.ci [stage …]`."""

import subprocess
import sys
import tempfile
import time

from devtools import paths
from ops.errors import CommandError, exit_code

BIN = paths.VENV / "bin"
PYTEST = [str(paths.PYTHON), "-m", "pytest", "--durations=5"]
UNIT = "not database and not broker and not flow and not chaos and not containers"
STORES = "(database or broker) and not flow and not chaos and not containers"
STAGES = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy"), "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "contracts": [str(paths.PYTHON), "-m", "devtools.contracts", "--check"],
    "unit": [*PYTEST, "-m", UNIT],
    "stores": [*PYTEST, "-m", STORES, "--ignore=tests/broker"],
    "broker": [*PYTEST, "-m", "not flow and not chaos", "tests/broker"],
    "flow": [*PYTEST, "-m", "flow"],
    "dashboard": [str(paths.PYTHON), "-m", "devtools.dashboard", "check"],
    "browser": [str(paths.PYTHON), "-m", "devtools.dashboard", "browser"],
    "chaos": [*PYTEST, "-m", "chaos", "tests/chaos"],
    "containers": [*PYTEST, "-s", "-m", "containers", "tests/containers"],
    "explore": [str(paths.PYTHON), "-m", "services.dispatcher.tests.explorer"],
    "mutants": [str(paths.PYTHON), "-m", "devtools.mutants"],
    "simulate": [
        *PYTEST,
        "services/dispatcher/tests/test_simulation.py",
        "services/dispatcher/tests/test_explorer.py",
    ],
}

#: What `make test` runs, in this order. Of stages side by side one mostly waits while the other
#: works. The stages that are not here take longer than a suite should.
SUITE = (
    ("format",),
    ("lint",),
    ("types",),
    ("imports",),
    ("contracts",),
    ("unit", "dashboard"),
    ("stores", "broker"),
    ("flow",),
    ("browser",),
)


def run(first: str, *beside: str) -> int:
    """Run one stage, and others beside it whose output is printed when all have ended.

    Returns:
        An exit code that is not 0 if a stage failed.
    """
    with tempfile.TemporaryFile("w+") as output:
        others = [
            subprocess.Popen(STAGES[name], cwd=paths.ROOT, stdout=output, stderr=subprocess.STDOUT)
            for name in beside
        ]
        try:
            code = subprocess.run(STAGES[first], cwd=paths.ROOT, check=False).returncode
            for other in others:
                code = other.wait() or code
        finally:
            for other in others:
                other.kill()
                other.wait()
            output.seek(0)
            print(output.read(), end="", flush=True)
    return code


def main(names: list[str]) -> int:
    """Run the named stages, or all; stops at the first that fails and returns 1."""
    unknown = set(names) - set(STAGES)
    if unknown:
        raise CommandError(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    took: list[str] = []
    for group in [(name,) for name in names] or SUITE:
        name = " and ".join(group)
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = run(*group)
        took.append(f"{name} {time.monotonic() - began:.0f} s")
        if code:
            print(f"{name} failed ({', '.join(took)})", file=sys.stderr)
            return 1
    print(f"all passed: {', '.join(took)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
