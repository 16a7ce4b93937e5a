"""Migrations of a generation only add, so that two versions work side by side; what takes away begins a generation (docs/runbooks/upgrade.md)."""

import re
from pathlib import Path

import pytest

from devtools import paths

TAKES_AWAY = re.compile(
    r"\bDROP\s+(?!INDEX\b)\w+|\bRENAME\b|\bTRUNCATE\b|\bALTER\s+(COLUMN\s+)?\w+\s+((SET\s+DATA\s+)?TYPE|SET\s+NOT\s+NULL|DROP)\b"
    r"|\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b|\bCREATE\s+UNIQUE\b"
    r"|\bADD\s+(COLUMN\s+)?(IF\s+NOT\s+EXISTS\s+)?\w+\s+([^,;\"(]|\([^)]*\))*\bNOT\s+NULL(?![^,;\"]*\bDEFAULT\b)",
    re.IGNORECASE,
)
CREATED = re.compile(r"\bCREATE\s+TABLE\s+(\w+)", re.IGNORECASE)
NAME = re.compile(r"^revision = \"([a-z]+)_(?:c\d+_)?\d{4}\"$", re.MULTILINE)
FILES = sorted(paths.ROOT.glob("services/*/migrations/[0-9]*.py"))


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
        f"{file.name}: a revision is <service>_0007, or <service>_c1_0008 where it takes something away"
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
    ],
)
def test_what_takes_away_is_told_from_what_adds(statement: str, *, only_adds: bool) -> None:
    assert (takes_away(statement) is None) == only_adds
