"""How large the published state of a batch may become: a message on Kafka has a limit.

A batch is one message with its totals per source and branch (ADR 13). A file that would not fit is
refused while it is read, before anything of it is stored; else its batch could never be published.
"""

from dataclasses import dataclass, field
from typing import Final

from services.ingest.roster.issue_codes import FileRejected
from services.ingest.roster.row_rules import RowValues

MAX_BRANCHES: Final = 20_000
MAX_SOURCES: Final = 5_000
MAX_INSTITUTIONS: Final = 20_000
#: Of the 16 MiB of a message; the rest is for corrections, warnings and longer figures.
MAX_BYTES: Final = 12 << 20
#: JSON around the texts: names of fields, ten counts of up to fifteen digits, an encrypted number.
_BRANCH_BYTES: Final = 400
_SOURCE_BYTES: Final = 1_000
_INSTITUTION_BYTES: Final = 4


@dataclass
class BatchSize:
    """Counts what one file adds to its batch's message. Rows may be added in any order."""

    branches: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    institutions: set[str] = field(default_factory=set)
    count_bytes: int = 0

    def add(self, values: RowValues, source: str, line: int) -> None:
        """Count one row.

        Args:
            source: its source account, "" if the row is refused for it.

        Raises:
            FileRejected: there are more branches, sources or institutions than the limits, or
                their texts are too long together.
        """
        branch, institution = values.branch_id or "", values.institution_id or ""
        if branch not in self.branches:
            self.branches.add(branch)
            self.count_bytes += _BRANCH_BYTES + _json_bytes(branch)
        if source not in self.sources:
            self.sources.add(source)
            self.count_bytes += _SOURCE_BYTES + sum(
                _json_bytes(text or "")
                for text in (
                    source,
                    values.payor_name,
                    values.dba,
                    values.line1,
                    values.city,
                )
            )
        if institution not in self.institutions:
            self.institutions.add(institution)
            self.count_bytes += _INSTITUTION_BYTES + _json_bytes(institution)
        if len(self.branches) > MAX_BRANCHES:
            raise FileRejected("E_FILE_BRANCHES", line)
        if len(self.sources) > MAX_SOURCES:
            raise FileRejected("E_FILE_SOURCES", line)
        if len(self.institutions) > MAX_INSTITUTIONS:
            raise FileRejected("E_FILE_INSTITUTIONS", line)
        if self.count_bytes > MAX_BYTES:
            raise FileRejected("E_FILE_BATCH_SIZE", line)


def _json_bytes(text: str) -> int:
    """The bytes of a text in JSON; a quotation mark or backslash takes two."""
    return len(text.encode()) + text.count('"') + text.count("\\")
