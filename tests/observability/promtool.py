"""promtool, from the machine or out of Debian's package, which is unpacked and not installed."""

import shutil
import subprocess
from pathlib import Path

from devtools import paths

FOLDER = paths.CACHE / "promtool"


def promtool() -> str | None:
    """Its path; None where it is not and cannot be had."""
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


def said(*words: str, folder: Path) -> tuple[int, str]:
    """Exit code and words of promtool."""
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return made.returncode, made.stdout + made.stderr
