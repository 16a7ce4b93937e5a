"""The documents: decision records in order, a complete glossary, and links that work."""

import os
import re
from pathlib import Path
from typing import get_args

import pytest

from devtools import paths
from libs.common.contracts import journals, statuses
from libs.common.contracts.events.ledger import Break

BUILT = {"node_modules", "build", "dist", "__pycache__"}
ADR = paths.ROOT / "docs" / "adr"
RECORDS = sorted(ADR.glob("[0-9]*.md"))
HEADER = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"Status: (?P<status>accepted|superseded by ADR \d+) · Date: (?P<date>\d{4}-\d{2}-\d{2})\n\n"
    r"## Context\n.+\n## Decision\n.+\n## Consequences\n",
    re.DOTALL,
)
INDEX_LINE = re.compile(
    r"^\| \[(?P<title>.+)\]\((?P<file>.+)\) \| (?P<status>.+) \| (?P<date>.+) \|$", re.MULTILINE
)
NAMED_RECORD = re.compile(r"\bADR (\d+)\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
WORD = re.compile(r"^\| `([a-z_]+)` \| .+\. \|$", re.MULTILINE)
GLOSSARY = {
    "Statuses of a batch": statuses.BATCH_STATUSES,
    "Statuses of a row": get_args(statuses.RowStatus),
    "Statuses of a payment": statuses.PAYMENT_STATUSES,
    "Outcomes of a row": statuses.OUTCOMES,
    "Kinds of journals": tuple(journals.JOURNAL_TITLES),
    "Kinds of breaks": get_args(Break.model_fields["kind"].annotation),
}


def texts(*endings: str) -> list[Path]:
    """The files of the checkout with these endings, without what is built, installed or cached."""
    found = []
    for folder, folders, files in os.walk(paths.ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in BUILT]
        found += [Path(folder, name) for name in files if name.endswith(endings)]
    return sorted(found)


def header(record: Path) -> dict[str, str]:
    found = HEADER.match(record.read_text(encoding="utf-8"))
    assert found, f"{record.name}: number, title, status, date and the three parts"
    return found.groupdict()


def test_the_numbers_of_the_records_have_no_gaps() -> None:
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_its_number_a_status_and_a_date(record: Path) -> None:
    assert int(header(record)["number"]) == int(record.name[:4])


def test_each_record_is_in_the_index_with_its_title_status_and_date() -> None:
    index = (ADR / "README.md").read_text(encoding="utf-8")
    listed = [found.groupdict() for found in INDEX_LINE.finditer(index)]
    expected = []
    for record in RECORDS:
        known = header(record)
        expected.append(
            {
                "title": f"{known['number']}. {known['title']}",
                "file": record.name,
                "status": known["status"],
                "date": known["date"],
            }
        )
    assert listed == expected


def test_no_text_names_a_record_that_does_not_exist() -> None:
    unknown = {
        (str(path.relative_to(paths.ROOT)), number)
        for path in texts(".py", ".md", ".yml", ".yaml", ".ts", ".tsx")
        for number in NAMED_RECORD.findall(path.read_text(encoding="utf-8"))
        if int(number) > len(RECORDS)
    }
    assert unknown == set()


@pytest.mark.parametrize("title", GLOSSARY)
def test_the_glossary_has_a_sentence_for_each_word_of_a_status_field(title: str) -> None:
    text = (paths.ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    assert sorted(WORD.findall(section)) == sorted(GLOSSARY[title])


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", texts(".md"), ids=lambda page: str(page.relative_to(paths.ROOT)))
def test_every_relative_link_leads_to_a_file_and_heading_that_exist(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, fragment = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(link)
    assert broken == []
