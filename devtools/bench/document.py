"""Write the figures of a bench into docs/performance.md: `python -m devtools.bench.document`.

They come from docs/performance.json, which `make bench` wrote. A test holds the two together.
"""

import sys
from pathlib import Path
from typing import Any

from devtools import paths
from devtools.bench import stored
from devtools.bench.catalog import ROWS
from devtools.bench.machine import BUSY_CORES
from ops.errors import exit_code

FIGURES = paths.ROOT / "docs" / "performance.json"
PAGE = paths.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: make bench -->\n", "<!-- end of figures -->\n"
HEAD = "| Row | Figure | Median | Spread | Goal | Reached |\n|---|---|---|---|---|---|\n"


def main() -> int:
    """Replace what stands between the two marks of the page."""
    PAGE.write_text(filled(PAGE.read_text(), stored.read(FIGURES)))
    return 0


def filled(page: str, rows: stored.Stored) -> str:
    """The page with the figures of these rows."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{figures(rows)}{END}{after}"


def figures(rows: stored.Stored) -> str:
    """The table in the order of the catalog, then where each row was measured; no trials."""
    full = {name: row for name, row in rows.items() if not row["trial"]}
    known = [(row.name, full[row.name]) for row in ROWS if row.name in full]
    lines = [line for name, row in known for line in _lines(name, row)]
    places = [f"- {name}: {_place(row)}\n" for name, row in known]
    missing = [row.name for row in ROWS if row.name not in full]
    left = f"\nNot measured in full size yet: {', '.join(missing)}.\n" if missing else ""
    return f"\n{HEAD}{''.join(lines)}{left}\n{''.join(places)}\n"


def _lines(name: str, row: dict[str, Any]) -> list[str]:
    if row["refused"]:
        return [f"| {name} | refused: {row['refused']} | | | | |\n"]
    return [_line(name, title, figure) for title, figure in row["figures"].items()]


def _line(name: str, title: str, figure: dict[str, Any]) -> str:
    digits, runs = figure["digits"], figure["runs"]
    spread = f"{min(runs):,.{digits}f} to {max(runs):,.{digits}f}" if len(runs) > 1 else ""
    value = f"{figure['median']:,.{digits}f} {figure['unit']}".strip()
    reached = {True: "yes", False: "no", None: ""}[figure["reached"]]
    floor = "floor: " if figure["floor"] else ""
    return f"| {name} | {floor}{title} | {value} | {spread} | {figure['goal']} | {reached} |\n"


def _place(row: dict[str, Any]) -> str:
    others = row["cores_used_by_others"]
    loaded = f", LOADED: others used {others} cores" if others >= BUSY_CORES else ""
    return (
        f"load {row['load_before']} before and {row['load_after']} after{loaded}; "
        f"commit {row['commit']}, {row['at']}; {row['machine']}; "
        f"PostgreSQL: {row['postgresql']}; Kafka: {row['kafka']}"
    )


def fits(page: Path = PAGE, figures_file: Path = FIGURES) -> bool:
    """Whether the page has exactly the figures of the file."""
    return page.read_text() == filled(page.read_text(), stored.read(figures_file))


if __name__ == "__main__":
    sys.exit(exit_code(main))
