"""Progress of a long command: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

PLAIN_EVERY_S = 5.0


class Progress:
    """Call `show(done, total, note)` as often as you like."""

    def __init__(self, title: str) -> None:
        self.title, self.printed_at, self.printed = title, 0.0, ""
        columns = (
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self.bars = Bars(*columns) if sys.stdout.isatty() else None
        self.task = self.bars.add_task(title, total=None, note="") if self.bars else None

    def __enter__(self) -> Self:
        if self.bars:
            self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bars:
            self.bars.stop()

    def show(self, done: int, total: int, note: str) -> None:
        """Show how far it is; without a terminal every few seconds, and at the last step."""
        if self.bars and self.task is not None:
            self.bars.update(self.task, completed=done, total=total or None, note=note)
            return
        line = f"{self.title}: {done:,} of {total:,} ({note})"
        due = time.monotonic() - self.printed_at > PLAIN_EVERY_S or (total and done == total)
        if due and line != self.printed:
            self.printed_at, self.printed = time.monotonic(), line
            print(line, flush=True)
