"""The allow-list of what pure code may import and name: no clock, chance, file, network, database.

Pure are each service's `domain` and `handlers`, and the further files of PURE_ROOMS. They may
import the standard modules of ALLOWED, `libs.common.contracts`, and the pure files of their own
service.
"""

import ast
from pathlib import Path

from devtools import paths
from tests.contracts.source_rules import (
    Violation,
    imported_names,
    is_within,
    relative,
    room_files,
)

EVERY_SERVICE = ("domain", "handlers", "payment_timeline")
PURE_ROOMS = {
    "ingest": (
        "roster/canonical_ids",
        "roster/row_rules",
        "roster/field_parsers",
        "roster/cross_row_rules",
        "roster/issue_codes",
        "roster/file_place",
        "roster/file_types",
        "roster/file_end",
        "roster/unlikely_values",
        "roster/us_geography",
    ),
    "ledger": ("reconciliation/rules",),
}
#: Modules of the standard library that reach neither the machine nor a source of chance.
ALLOWED = frozenset(
    {
        "abc",
        "bisect",
        "calendar",
        "collections",
        "collections.abc",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "statistics",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "uuid",
    }
)
CONTRACTS = ("libs.common.contracts",)
#: Of modules above, these are not pure: they draw a number or read a file.
IMPURE_NAMES = frozenset({("uuid", "uuid1"), ("uuid", "uuid4"), ("hashlib", "file_digest")})
IMPURE_BUILTINS = frozenset(
    {"open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__"}
)
#: Attributes that reach a clock, chance or a file through an object of an allowed module.
IMPURE_ATTRIBUTES = frozenset(
    {
        "now",
        "utcnow",
        "today",
        "uuid1",
        "uuid4",
        "file_digest",
        "environ",
        "getenv",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "__builtins__",
        "__globals__",
    }
)


def pure_files(service: str) -> list[Path]:
    """Every pure file of a service."""
    folder = paths.ROOT / "services" / service
    rooms = (*EVERY_SERVICE, *PURE_ROOMS.get(service, ()))
    return [path for room in rooms for path in room_files(folder, room)]


def violations(source: str, own_pure_modules: frozenset[str] = frozenset()) -> list[Violation]:
    """What is not pure in a source text.

    Args:
        own_pure_modules: dotted names of the pure modules and packages of the same service.
    """
    tree = ast.parse(source)
    found = {
        Violation(line, f"import {module}" + (f".{name}" if name else ""))
        for line, module, name in imported_names(tree)
        if not _may_import(module, name, own_pure_modules)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS:
            found.add(Violation(node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and node.attr in IMPURE_ATTRIBUTES:
            found.add(Violation(node.lineno, f".{node.attr}"))
    return sorted(found)


def _may_import(module: str, name: str, own_pure_modules: frozenset[str]) -> bool:
    if (module, name) in IMPURE_NAMES or (name == "*" and module in ALLOWED):
        return False
    own = tuple(own_pure_modules)
    return (
        module in ALLOWED
        or is_within(module, CONTRACTS)
        or is_within(module, own)
        or (module == "libs.common" and name == "contracts")
        or (bool(name) and is_within(f"{module}.{name}", own))
    )


def own_pure_modules(service: str) -> frozenset[str]:
    """The dotted names of a service's pure files, and of packages that are pure as a whole."""
    files = {relative(path).removesuffix(".py").replace("/", ".") for path in pure_files(service)}
    rooms = (*EVERY_SERVICE, *PURE_ROOMS.get(service, ()))
    return frozenset(files | {f"services.{service}.{room.replace('/', '.')}" for room in rooms})
