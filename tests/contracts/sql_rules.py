"""The rule that SQL stands in `store` only: who may import the database, hold SQL or execute it."""

import ast
import re

from tests.contracts.source_rules import (
    Violation,
    docstrings,
    imported_names,
    is_within,
)

#: What the rest of a service may know of SQLAlchemy: handles it passes on, and errors.
HANDLES = frozenset({("sqlalchemy", name) for name in ("Connection", "Engine", "Row")})
ERRORS = ("sqlalchemy.exc",)
DATABASE_PACKAGES = ("sqlalchemy", "psycopg2", "psycopg", "asyncpg", "sqlite3", "alembic")
RUN = frozenset({("libs.common.database.engine", "run")})
EXECUTES = frozenset({"execute", "executemany", "exec_driver_sql", "executescript"})
#: The beginning of a statement, or two words that stand together in SQL alone.
SQL = re.compile(
    r"^\s*(SELECT|INSERT\s+INTO|UPDATE\s+\w+|DELETE\s+FROM|WITH\s+\w+\s+AS|VALUES\s*\(|CREATE|ALTER"
    r"|DROP|TRUNCATE|LOCK\s+TABLE|COPY|LISTEN|NOTIFY|SET\s+(LOCAL|SESSION)|GRANT|REVOKE)\b"
    r"|\b(SELECT\s+[\w.*(,\s]+\s+FROM|INSERT\s+INTO|DELETE\s+FROM|ORDER\s+BY|GROUP\s+BY"
    r"|(LEFT|INNER|CROSS|FULL)\s+JOIN|ON\s+CONFLICT|FOR\s+(UPDATE|SHARE)|IS\s+(NOT\s+)?NULL)\b"
    r"|^\s*(WHERE|FROM|JOIN|HAVING|RETURNING)\s+\w"
)


def violations(source: str) -> list[Violation]:
    """Where a source text outside `store` imports the database, holds SQL, or executes it."""
    tree = ast.parse(source)
    found = {
        Violation(line, f"import {module}" + (f".{name}" if name else ""))
        for line, module, name in imported_names(tree)
        if _is_of_the_database(module, name)
    }
    not_sql = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in not_sql and SQL.search(node.value):
                found.add(Violation(node.lineno, "SQL"))
        elif isinstance(node, ast.Attribute) and node.attr in EXECUTES:
            found.add(Violation(node.lineno, f".{node.attr}"))
        elif _calls_run_of_engine(node):
            found.add(Violation(node.lineno, "engine.run"))  # type: ignore[attr-defined] # a call
    return sorted(found)


def _is_of_the_database(module: str, name: str) -> bool:
    if (module, name) in RUN:
        return True
    if (
        (module, name) in HANDLES
        or is_within(module, ERRORS)
        or (module, name) == ("sqlalchemy", "exc")
    ):
        return False
    return is_within(module, DATABASE_PACKAGES)


def _calls_run_of_engine(node: ast.AST) -> bool:
    """`engine.run(…)` of a module imported as a whole; threads and loops have a `run` as well."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"engine", "database_engine"}
    )
