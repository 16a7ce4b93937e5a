"""Runs the stages of `make test` one after the other and prints how long each took: python -m tools.check [stage …]."""

import subprocess
import sys
import tempfile
import time

from tools import places
from tools.problem import Problem, exit_code

BIN = places.VENV / "bin"
PYTEST = [str(places.PYTHON), "-m", "pytest", "--durations=5"]
STAGES = {
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy"), "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "contracts": [str(places.PYTHON), "-m", "tools.contracts", "--check"],
    "unit": [*PYTEST, "-m", "not database and not broker and not flow and not chaos and not containers"],
    "stores": [*PYTEST, "-m", "(database or broker) and not flow and not chaos and not containers", "--ignore=tests/broker"],
    "flow": [*PYTEST, "-m", "flow"],
    "dashboard": [str(places.PYTHON), "-m", "tools.dashboard", "check"],
    "browser": [str(places.PYTHON), "-m", "tools.dashboard", "browser"],
    "chaos": [*PYTEST, "-m", "chaos", "tests/chaos"],
    "containers": [*PYTEST, "-s", "-m", "containers", "tests/containers"],
    "simulate": [*PYTEST, "services/dispatcher/tests/test_simulation.py"],
}


#: Started with the stage of the first name and waited for at its end: the broker's tests mostly wait, for processes they have killed.
BESIDE = {"stores": [*PYTEST, "-m", "not flow and not chaos", "tests/broker"]}
ON_REQUEST = {"chaos", "containers", "simulate"}  # longer than a suite should be


def run(name: str) -> int:
    """One stage, and what runs beside it; the first exit code that is not 0."""
    if name not in BESIDE:
        return subprocess.run(STAGES[name], cwd=places.ROOT, check=False).returncode
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen(BESIDE[name], cwd=places.ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            code = subprocess.run(STAGES[name], cwd=places.ROOT, check=False).returncode
            code = beside.wait() or code
        finally:
            beside.kill()
            beside.wait()
            said.seek(0)
            print(said.read(), end="", flush=True)
    return code


def main(names: list[str]) -> int:
    """Run the named stages, or all; stops at the first that fails and returns 1."""
    unknown = set(names) - set(STAGES)
    if unknown:
        raise Problem(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    took: list[str] = []
    for name in names or [stage for stage in STAGES if stage not in ON_REQUEST]:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = run(name)
        took.append(f"{name} {time.monotonic() - began:.0f} s")
        if code:
            print(f"{name} failed ({', '.join(took)})", file=sys.stderr)
            return 1
    print(f"all passed: {', '.join(took)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
