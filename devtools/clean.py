"""`make clean`: stop the stacks of this checkout and remove everything that was made in it.

It needs nothing of what it removes, so that it also works in a checkout whose set-up was
interrupted. Only databases on a server that DATABASE_URL named need the environment.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from devtools import paths
from devtools.stack import postgres
from devtools.stack.supervisor import Supervisor
from ops.errors import exit_code

STORES = {"kafka", "postgres"}
REMOVED = (
    ".venv",
    ".venv.displaced",
    ".cache",
    ".run",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
    "dashboard/dist",
    "dashboard/node_modules",
)


def stop(state: Path) -> None:
    """Stop the stack of a state folder: services first, then Kafka and PostgreSQL."""
    supervisor = Supervisor(state)
    if supervisor.is_alive():
        supervisor.stop_programs(set(supervisor.processes()) - STORES)
        supervisor.stop_programs(STORES)
        supervisor.shutdown()
    supervisor.clear()


def remove_databases(state: Path) -> None:
    """Remove the databases of a stack from a server that was given, if the environment works."""
    try:
        given = json.loads((state / "stack.json").read_text())["database_url"]
    except (OSError, ValueError, KeyError):
        return
    if given:
        command = [str(paths.PYTHON), "-m", "devtools.stack.local_stack", "remove"]
        try:
            failed = subprocess.run(command, cwd=paths.ROOT, check=False).returncode
        except OSError:
            failed = 1
        if failed:
            print(f"the databases of {state} stay on the server that DATABASE_URL named")


def main() -> int:
    """The command line."""
    for state in (paths.UP, paths.DEMO):
        stop(state)
        remove_databases(state)
        for folder in (Supervisor(state).socket_folder, *postgres.stored_in(state)):
            shutil.rmtree(folder, ignore_errors=True)
    for name in REMOVED:
        path = paths.ROOT / name
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
    print("removed: environment, caches, state of stopped stacks")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
