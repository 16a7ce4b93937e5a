"""What a search begins with: the files of the corpus, and the words that make its changes."""

import re
from collections.abc import Iterator
from pathlib import Path

from services.ingest.roster.row_rules import FIELDS
from services.ingest.tests.roster_corpus import (
    file_cases,
    markup_cases,
    structure_cases,
    value_cases,
)
from services.ingest.tests.roster_corpus.builder import CHANGED, HERE, Change, build

MAX_BYTES = 16_384
_LAYOUT = "one line"
_ROWS = (2, CHANGED)  # few, so that many files are read in a second


def write_files(folder: Path) -> None:
    """Write the files of the corpus that are not too large; a second call writes the same."""
    good = build({}, _LAYOUT, _ROWS).data
    files = [
        good,
        *(build({CHANGED: change}, _LAYOUT, _ROWS).data for change in _changes()),
        *(case.make(good) for case in file_cases.all_cases()),
    ]
    for number, data in enumerate(files):
        if len(data) <= MAX_BYTES:
            (folder / f"{number:04}").write_bytes(data)


def _changes() -> Iterator[Change]:
    yield from (case.change for case in value_cases.all_cases())
    yield from (case.change for case in structure_cases.all_cases())
    yield from (case.change for case in markup_cases.all_cases())


def write_words(path: Path) -> Path:
    """Write the words as a dictionary of libFuzzer: the tags, and what the corpus puts in rows."""
    words = {"<row>", "</row>", "<root>", "</root>", "<![CDATA[", "]]>", "<!--", "-->", "<?x?>"}
    for field in FIELDS:
        name = field.rpartition("/")[2]
        words |= {f"<{name}>", f"</{name}>"}
    for change in _changes():
        for text in change.values():
            words |= set(re.findall(r">([^<]{1,40})<", (text or "").replace(HERE, "")))
    path.write_text("".join(f'"{_escape(word)}"\n' for word in sorted(words)))
    return path


def _escape(word: str) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in word.encode("utf-8", "surrogatepass")
    )
