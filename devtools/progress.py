"""Progress for people: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

PLAIN_EVERY_S = 5.0


class Progress:
    """`show(done, total, note)` as often as wanted."""

    def __init__(self, title: str) -> None:
        self.title, self.said_at, self.said = title, 0.0, ""
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
        """Say how far it is; off a terminal at most every few seconds, and the last step always."""
        if self.bars and self.task is not None:
            self.bars.update(self.task, completed=done, total=total or None, note=note)
            return
        line = f"{self.title}: {done:,} of {total:,} ({note})"
        due = time.monotonic() - self.said_at > PLAIN_EVERY_S or (total and done == total)
        if due and line != self.said:
            self.said_at, self.said = time.monotonic(), line
            print(line, flush=True)
