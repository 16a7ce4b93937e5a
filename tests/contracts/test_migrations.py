"""Migrations are frozen: plain SQL that imports nothing but Alembic, and only adds.

Migrations of a generation only add, so that two versions work side by side; what takes something
away begins a generation (docs/runbooks/upgrade.md). That an old migration was not edited is tested
in tests/migrations.
"""

import ast
import re
from pathlib import Path

import pytest

from devtools import paths
from tests.contracts.source_rules import imported_names, relative

TAKES_AWAY = re.compile(
    r"\bDROP\s+(?!INDEX\b)\w+|\bRENAME\b|\bTRUNCATE\b(?![\s\"]+(ON\b|,))"  # a trigger may name it
    r"|\bALTER\s+(COLUMN\s+)?\w+\s+((SET\s+DATA\s+)?TYPE|SET\s+NOT\s+NULL|DROP)\b"
    r"|\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b|\bCREATE\s+UNIQUE\b"
    r"|\bADD\s+(COLUMN\s+)?(IF\s+NOT\s+EXISTS\s+)?\w+\s+([^,;\"(]|\([^)]*\))*"
    r"\bNOT\s+NULL(?![^,;\"]*\bDEFAULT\b)",
    re.IGNORECASE,
)
CREATED = re.compile(r"\bCREATE\s+TABLE\s+(\w+)", re.IGNORECASE)
NAME = re.compile(r"^revision = \"([a-z]+)_(?:c\d+_)?\d{4}\"$", re.MULTILINE)
FILES = sorted(paths.ROOT.glob("services/*/migrations/[0-9]*.py"))


def imports_beside_alembic(source: str) -> set[str]:
    """What a migration imports besides `from alembic import op`."""
    return {
        f"{module}.{name}".rstrip(".")
        for _, module, name in imported_names(ast.parse(source))
        if (module, name) != ("alembic", "op")
    }


def test_a_migration_imports_nothing_that_can_change() -> None:
    importing = {
        relative(path): found
        for path in FILES
        if (found := imports_beside_alembic(path.read_text()))
    }
    assert importing == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from alembic import op", set()),
        (
            "from libs.common.testing.messaging_tables import MESSAGING",
            {"libs.common.testing.messaging_tables.MESSAGING"},
        ),
        ("from services.ledger import domain", {"services.ledger.domain"}),
        ("import sqlalchemy", {"sqlalchemy"}),
        ("from alembic import context", {"alembic.context"}),
        ("def upgrade():\n    from datetime import datetime", {"datetime.datetime"}),
        ("import alembic", {"alembic"}),
    ],
)
def test_an_import_in_a_migration_is_found(source: str, found: set[str]) -> None:
    assert imports_beside_alembic(source) == found


def test_no_migration_lies_where_it_is_not_looked_for() -> None:
    assert set(paths.ROOT.glob("services/*/migrations/**/*.py")) == set(FILES)


def takes_away(text: str) -> re.Match[str] | None:
    """What a migration takes away. A unique index on a table that it creates takes nothing."""
    for table in CREATED.findall(text):
        text = re.sub(rf"\bCREATE\s+UNIQUE\s+INDEX\s+\w+\s+ON\s+{table}\b", "", text, flags=re.I)
    return TAKES_AWAY.search(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
def test_a_migration_is_named_by_its_service_and_only_adds_unless_its_name_says_otherwise(
    file: Path,
) -> None:
    text = file.read_text()
    named = NAME.search(text)
    assert named, (
        f"{file.name}: a revision is <service>_0007, or <service>_c1_0008 "
        "where it takes something away"
    )
    assert named[1] == file.parents[1].name
    found = (
        None if "_c" in named[0] or file.name.startswith("0001") else takes_away(text)
    )  # before the first one there was nothing to take
    assert found is None, (
        f"{file.name} takes something away ({found[0]}); name it {named[1]}_c1_{file.name[:4]}"
    )


@pytest.mark.parametrize(
    ("statement", "only_adds"),
    [
        ("CREATE TABLE a (b int)", True),
        ("ALTER TABLE a ADD COLUMN b text", True),
        ("ALTER TABLE a ADD COLUMN b text[] NOT NULL DEFAULT '{}'", True),
        ("CREATE INDEX i ON a (b)", True),
        ("ALTER TABLE a ADD COLUMN b text NOT NULL", False),
        ("ALTER TABLE a DROP COLUMN b", False),
        ("DROP TABLE a", False),
        ("ALTER TABLE a RENAME TO b", False),
        ("ALTER TABLE a ALTER COLUMN b TYPE bigint", False),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", False),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", False),
        ("CREATE UNIQUE INDEX i ON a (b)", False),
        ("CREATE TABLE a (b int); CREATE UNIQUE INDEX i ON a (b)", True),
        ("CREATE TABLE a (b int); CREATE UNIQUE INDEX i ON ab (b)", False),
        ("ALTER TABLE a DROP b", False),
        ("ALTER TABLE a ADD b text NOT NULL", False),
        ("ALTER TABLE a ADD b numeric(10,2) NOT NULL", False),
        ("ALTER TABLE a ALTER b SET DATA TYPE bigint", False),
        ("ALTER TABLE a ALTER COLUMN b DROP DEFAULT", False),
        ("DROP SEQUENCE s", False),
        ("DROP INDEX i", True),
        ("ALTER TABLE a ADD b numeric(10,2) NOT NULL DEFAULT 0", True),
        ("DROP TRIGGER t ON a", False),
        ("TRUNCATE a", False),
        ("TRUNCATE ONLY a", False),
        ("CREATE TRIGGER t BEFORE DELETE OR TRUNCATE ON a EXECUTE FUNCTION f()", True),
    ],
)
def test_what_takes_away_is_told_from_what_adds(statement: str, *, only_adds: bool) -> None:
    assert (takes_away(statement) is None) == only_adds
