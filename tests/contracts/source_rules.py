"""What a rule about source text needs: the files of a room, and the imports in a syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools import paths

SERVICES = sorted(path.parent.name for path in paths.ROOT.glob("services/*/app.py"))


@dataclass(frozen=True, order=True)
class Violation:
    """One place that breaks a rule: the line, and what stands there."""

    line: int
    what: str


def room_files(service_folder: Path, room: str) -> list[Path]:
    """The files of a room: `<room>.py`, or every file of the package of the same name."""
    package = service_folder / room
    file = package.with_suffix(".py")
    return [file] if file.exists() else sorted(package.rglob("*.py"))


def relative(path: Path) -> str:
    """A file's path inside the project."""
    return path.relative_to(paths.ROOT).as_posix()


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """(line, module, name) of each import; the name is "" where a whole module is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, node.module or ".", alias.name


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these, or lies below one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the nodes that are docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
