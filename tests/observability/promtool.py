"""promtool, from the machine or from Debian's package, which is unpacked and not installed."""

import shutil
import subprocess
from pathlib import Path

from devtools import paths

FOLDER = paths.CACHE / "promtool"


def promtool() -> str | None:
    """Its path; None if it is not here and cannot be fetched."""
    unpacked = FOLDER / "usr" / "bin" / "promtool"
    if found := shutil.which("promtool"):
        return found
    if not unpacked.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for command in (
            ["apt-get", "download", "-q", "prometheus"],
            ["sh", "-c", "dpkg -x prometheus_*.deb . && rm -f prometheus_*.deb"],
        ):
            subprocess.run(command, cwd=FOLDER, capture_output=True, check=False)
    return str(unpacked) if unpacked.exists() else None


def run(*words: str, folder: Path) -> tuple[int, str]:
    """Run promtool in a folder; returns its exit code and output."""
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return made.returncode, made.stdout + made.stderr
