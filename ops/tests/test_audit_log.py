"""The export of the audit log finds every line that is not as it was written."""

import json
from collections.abc import Sequence

import pytest

from ops.audit_log import as_json, parse_kept, verified
from ops.errors import CommandError
from services.gateway.domain.audit_chain import (
    FIRST_PREVIOUS_HASH,
    AuditEntry,
    ChainedEntry,
    line_hash,
)


def log_of(count: int) -> list[ChainedEntry]:
    lines, previous = list[ChainedEntry](), FIRST_PREVIOUS_HASH
    for seq in range(1, count + 1):
        entry = AuditEntry(
            "2026-11-28T12:00:00+00:00", "intent", f"r{seq}", "anna", ("approver",), "POST", "/x"
        )
        digest = line_hash(previous, seq, entry)
        lines.append(ChainedEntry(seq, entry, previous, digest))
        previous = digest
    return lines


def export(lines: Sequence[ChainedEntry], kept: tuple[int, str] | None = None) -> list[str]:
    return [as_json(line) for line in verified(lines, kept)]


def test_each_line_is_one_line_of_json_with_its_number_and_hash() -> None:
    lines = log_of(3)
    found = [json.loads(text) for text in export(lines, (2, lines[1].hash))]
    assert [(one["seq"], one["hash"], one["person"]) for one in found] == [
        (line.seq, line.hash, "anna") for line in lines
    ]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_removed_line_is_found(gone: int) -> None:
    lines = log_of(4)
    with pytest.raises(CommandError, match=f"from line {gone + 1} on"):
        export([*lines[:gone], *lines[gone + 1 :]])


def test_a_changed_line_is_found() -> None:
    lines = log_of(3)
    forged = lines[1]._replace(entry=AuditEntry(**{**vars(lines[1].entry), "person": "eve"}))
    with pytest.raises(CommandError, match="from line 2 on"):
        export([lines[0], forged, lines[2]])


def test_lines_cut_off_at_the_end_are_found_by_an_earlier_export() -> None:
    lines = log_of(4)
    assert len(export(lines[:2])) == 2
    with pytest.raises(CommandError, match="line 4 was exported before"):
        export(lines[:2], (4, lines[3].hash))


def test_a_log_that_was_written_anew_is_found_by_an_earlier_export() -> None:
    with pytest.raises(CommandError, match="not the one"):
        export(log_of(4), (4, "0" * 64))


@pytest.mark.parametrize("text", ["", "4", "4:ab", "x:" + "0" * 64])
def test_only_a_number_and_a_hash_are_taken(text: str) -> None:
    with pytest.raises(CommandError):
        parse_kept(text)
