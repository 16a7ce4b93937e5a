"""No function exceeds 60 lines, and no file 400; generated files are excepted."""

import ast
import os
from pathlib import Path

from devtools import paths

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
NOT_OURS = {"node_modules", "build", "dist", "__pycache__"}
GENERATED = {Path("dashboard/src/api/gateway.d.ts")}


def sources(*endings: str) -> list[Path]:
    """Our source files with these endings, as paths below the root of the checkout."""
    found = []
    for folder, folders, files in os.walk(paths.ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in NOT_OURS]
        found += [
            Path(folder, name).relative_to(paths.ROOT) for name in files if name.endswith(endings)
        ]
    return sorted(set(found) - GENERATED)


def long_functions(source: str) -> dict[str, int]:
    """The functions of a module that are too long, with their lengths in lines."""
    return {
        node.name: lines
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }


def test_no_file_is_too_long() -> None:
    lengths = {
        str(file): len((paths.ROOT / file).read_text(encoding="utf-8").splitlines())
        for file in sources(".py", ".ts", ".tsx", ".mjs")
    }
    assert len(lengths) > 400, "the sources were not found"
    assert {file: lines for file, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    found = {
        str(file): long_functions((paths.ROOT / file).read_text(encoding="utf-8"))
        for file in sources(".py")
    }
    assert {file: functions for file, functions in found.items() if functions} == {}
