"""Setting up needs a bare Python: the packages are what it installs."""

import subprocess
import sys

from devtools import paths


def test_it_runs_without_any_package() -> None:
    script = f"import sys; sys.path.insert(0, {str(paths.ROOT)!r}); import devtools.bootstrap"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
