"""The results as a table for people."""

from devtools.bench.figures import Figure, Result
from devtools.bench.machine import BUSY_CORES

WIDTHS = (17, 40, 19, 22, 9)
TITLES = ("row", "figure", "median", "spread", "goal")


def heading() -> str:
    """The line above the first row."""
    cells = "".join(title.ljust(width) for title, width in zip(TITLES, WIDTHS, strict=True))
    return f"\n{cells}reached"


def lines(result: Result) -> list[str]:
    """A row of the table: a line for each figure, then how the machine was."""
    found = [f"{result.row.name:<{WIDTHS[0]}}{result.row.work}"]
    if result.refused:
        return [*found, f"{'':<{WIDTHS[0]}}refused: {result.refused}", _surroundings(result)]
    found += [_figure_line(result, figure) for figure in result.row.figures]
    return [*found, _surroundings(result)]


def _figure_line(result: Result, figure: Figure) -> str:
    value = result.median(figure.name)
    reached = {True: "yes", False: "no", None: ""}[result.is_reached(figure)]
    name = f"floor: {figure.name}" if figure.is_floor else figure.name
    cells = (
        "",
        name,
        f"{value:,.{figure.digits}f}{' ' if figure.unit else ''}{figure.unit}",
        result.spread(figure.name),
        figure.goal(),
    )
    padded = "".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return f"{padded}{reached}".rstrip()


def _surroundings(result: Result) -> str:
    before, after = result.load
    loaded = f"; LOADED: other programs used {result.others:.1f} cores"
    return (
        f"{'':<{WIDTHS[0]}}{len(result.runs)} runs in {result.seconds:.0f} s, "
        f"load {before:.1f} before and {after:.1f} after"
        f"{loaded if result.others >= BUSY_CORES else ''}"
    )
