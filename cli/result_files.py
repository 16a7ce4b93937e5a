"""Result files: `NAME.result.json` beside each file that a watched folder has uploaded."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.errors import CommandError

SUFFIX = ".result.json"
RESULT_MAX_BYTES = 1_000_000
Result = dict[str, Any]  # Any: JSON


def path_for(file: Path) -> Path:
    """The result file of a file."""
    return file.with_name(file.name + SUFFIX)


def read(path: Path) -> Result | None:
    """A result; None if there is none or it was not written by this program."""
    try:
        if path.stat().st_size > RESULT_MAX_BYTES:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_result = isinstance(found, dict) and {"file", "sha256", "outcome"} <= set(found)
    return found if is_result else None


def write(path: Path, result: Result) -> None:
    """Write a result file: whole, on disk when this returns, in place of the one before.

    The result of other contents under the same name is kept as `NAME.<8 digits>.result.json`.

    Raises:
        CommandError: the disk refuses it. The upload stands; a later run finds it again.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        before = read(path)
        if before and before["sha256"] != result["sha256"]:
            name = path.name.removesuffix(SUFFIX)
            path.replace(path.with_name(f"{name}.{before['sha256'][:8]}{SUFFIX}"))
        with draft.open("w", encoding="utf-8") as opened:
            json.dump(result, opened, indent=1)
            opened.write("\n")
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}.",
            "Make room or give the right to write there, then start again: "
            "what was uploaded is found again, not uploaded twice.",
            code="result-file",
        ) from None


def results(folder: Path) -> Iterator[tuple[Path, Result]]:
    """The results in a folder with their paths, in the order of their names."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        found = read(path)
        if found is not None:
            yield path, found


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
