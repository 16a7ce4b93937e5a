"""Files that only their owner may read, and the names of those of a local stack."""

import os
from pathlib import Path

SUPERVISOR_CONFIGURATION = "supervisord.conf"  # beside a local stack's keys.json: its settings
SUPERVISOR_PID = "supervisord.pid"  # there while that stack runs


def write_private(file: Path, text: str) -> None:
    """Replace a file at once by one that only its owner may read."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    draft.replace(file)
