"""The documents: records in order, a complete glossary, and links and file names that exist."""

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
#: A path with a folder in it: `store/payments.py`, `docs/runbooks/restore.md`.
NAMED_FILE = re.compile(r"(?<![\w./{}*<$%])(?:[\w-]+/)+[\w.-]+\.(?:py|md|ya?ml|tsx?|mjs|sh|toml)\b")
NAMED_MODULE = re.compile(r"\bpython -m ((?:services|ops|devtools|simulator)[a-z_.]*)")
NOT_HERE = {  # made by a command, or an example that a reader is asked to write
    "src/help/HelpPage.tsx",
}
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


def unknown_names(text: str, page: Path, files: frozenset[str]) -> list[str]:
    """What a text names of our files and modules, and what does not exist.

    A path may be short, such as `store/payments.py` in a service's README: one of our files must
    end with it.
    """
    unknown = [
        name
        for name in NAMED_FILE.findall(text)
        if name not in NOT_HERE and f"/{name}" not in files and not (page.parent / name).exists()
    ]
    for module in NAMED_MODULE.findall(text):
        path = paths.ROOT / module.rstrip(".").replace(".", "/")
        if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
            unknown.append(module)
    return unknown


def endings() -> frozenset[str]:
    """Each of our files as every path that ends with it, from `/name` to the whole path."""
    found = set()
    for file in texts(""):
        parts = file.relative_to(paths.ROOT).parts
        found |= {"/" + "/".join(parts[first:]) for first in range(len(parts))}
    return frozenset(found)


def test_every_file_and_module_that_a_text_names_exists() -> None:
    files = endings()
    unknown = {
        str(path.relative_to(paths.ROOT)): found
        for path in texts(".md", ".py", ".yml", ".yaml", ".toml", "Makefile")
        if path.name != "CHANGELOG.md"
        if (found := unknown_names(path.read_text(encoding="utf-8"), path, files))
    }
    assert unknown == {}


def test_a_name_of_a_file_that_is_gone_is_found() -> None:
    file, module = "/".join(("store", "gone.py")), ".".join(("devtools", "gone"))
    text = f"see `{file}` and docs/adr/README.md; `python -m {module}`, `python -m ops`"
    found = unknown_names(text, paths.ROOT / "README.md", endings())
    assert found == [file, module]
