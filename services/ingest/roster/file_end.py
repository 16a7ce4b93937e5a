"""Whether a file ends early, as far as its last bytes say. Pure."""

import re
from dataclasses import dataclass
from typing import Final

#: What a cut file may leave of its last tag or reference; the parser stops where that begins.
_CUT_CHARACTERS: Final = 16
_TAIL_BYTES: Final = 1_024


@dataclass
class FileEnd:
    """The end of what was read.

    Attributes:
        tail: its last bytes.
        columns: how long its last line is, in characters.
        is_reached: whether nothing follows.
    """

    tail: bytes = b""
    columns: int = 0
    is_reached: bool = False

    def add(self, chunk: bytes) -> None:
        """Add the next bytes, which are UTF-8 and whole characters."""
        self.tail = (self.tail + chunk)[-_TAIL_BYTES:]
        _, newline, last = chunk.rpartition(b"\n")
        columns = len(last) if last.isascii() else len(last.decode())
        self.columns = columns if newline else self.columns + columns

    def is_cut(self, root: str, column: int) -> bool:
        """Whether the file really ends early.

        Args:
            root: the name of its outermost element.
            column: where in the last line the parser stopped, from 1.
        """
        is_at_end = self.is_reached and self.columns - column < _CUT_CHARACTERS
        end_tag = rb"</%b\s*>\s*\Z" % re.escape(root.encode())
        return is_at_end and not (root and re.search(end_tag, self.tail))
