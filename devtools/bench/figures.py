"""What the bench measures: rows of its table, their figures, and the results of their runs."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a row is measured at the workplace, which knows no rows
    from devtools.bench.workplace import Workplace


@dataclass(frozen=True)
class Figure:
    """One figure of a row.

    Args:
        name: also the key in what the row's `measure` returns.
        unit: such as `s` or `/s`; empty for a ratio or a count.
        at_most: the goal, if less is better.
        at_least: the goal, if more is better.
        is_floor: it was measured beside the work, on the same data, without our code.
    """

    name: str
    unit: str = ""
    digits: int = 1
    at_most: float | None = None
    at_least: float | None = None
    is_floor: bool = False

    def goal(self) -> str:
        """The goal in words; empty if there is none."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"

    def is_reached(self, value: float) -> bool | None:
        """Whether a value reaches the goal; None without a goal."""
        if self.at_most is not None:
            return value <= self.at_most
        return None if self.at_least is None else value >= self.at_least


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Args:
        name: what `make bench ONLY=…` is compared with.
        work: what is done, in one line.
        measure: does it once and returns the value of each figure by its name. It raises
            CommandError if the counts of the run do not add up.
        runs: how often it is done; the table shows the median and the spread.
        estimate_s: how long one run takes in full size on two quiet cores.
    """

    name: str
    work: str
    figures: Sequence[Figure]
    measure: Callable[["Workplace"], Mapping[str, float]]
    runs: int = 3
    estimate_s: float = 60.0


@dataclass
class Result:
    """What became of a row.

    Args:
        refused: why the row has no figures, such as counts that do not add up; empty if it has.
        load: the machine's load average before and after.
        others: cores that other programs used just before.
        is_trial: the sizes are not the full ones, so no goal is reached or missed.
    """

    row: Row
    runs: list[Mapping[str, float]] = field(default_factory=list)
    refused: str = ""
    load: tuple[float, float] = (0.0, 0.0)
    others: float = 0.0
    seconds: float = 0.0
    is_trial: bool = False

    def is_reached(self, figure: Figure) -> bool | None:
        """Whether the median reaches the goal of a figure; None without one, and in a trial."""
        return None if self.is_trial else figure.is_reached(self.median(figure.name))

    def values(self, name: str) -> list[float]:
        """A figure in each run."""
        return [run[name] for run in self.runs]

    def median(self, name: str) -> float:
        """The figure in the median run."""
        return statistics.median(self.values(name))

    def spread(self, name: str) -> str:
        """The smallest and largest value; empty after one run."""
        figure = next(one for one in self.row.figures if one.name == name)
        values = self.values(name)
        if len(values) == 1:
            return ""
        return f"{min(values):,.{figure.digits}f} to {max(values):,.{figure.digits}f}"
