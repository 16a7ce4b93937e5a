"""The digest to which an approval is bound."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

# One encoder for all lines: `json.dumps` makes one for each call.
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass
class Digest:
    """The digest of what an approver sees: the period, corrections, decisions, every row.

    Of a row it covers the outcome, the money, who is paid, from where and to where.
    """

    period: date
    state: Any = field(default_factory=hashlib.sha256)  # hashlib names no type for it

    def __post_init__(self) -> None:
        self._add(["period", self.period.isoformat()])

    def _add(self, line: list[Any]) -> None:
        self.state.update(f"{_ENCODE(line)}\n".encode())

    def add_corrections(self, corrections: Iterable[Sequence[str]]) -> None:
        """Add corrections, in the order in which they were made."""
        for correction in corrections:
            self._add(["correction", *correction])

    def add_decisions(self, decisions: Iterable[Sequence[str]]) -> None:
        """Add the decisions that stand, in the order in which they were made."""
        for decision in decisions:
            self._add(["decision", *decision])

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, in the order of the file."""
        for row in rows:
            self._add(["row", *row])

    def text(self) -> str:
        """`sha256:` and 64 hex digits."""
        return f"sha256:{self.state.hexdigest()}"
