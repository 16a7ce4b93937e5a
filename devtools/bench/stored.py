"""The results as JSON: each row with where it was measured, so that rows can be measured alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devtools.bench.figures import Result

Stored = dict[str, dict[str, Any]]  # by the row's name


def read(file: Path) -> Stored:
    """What a file has; nothing if there is none."""
    if not file.exists():
        return {}
    found: Stored = json.loads(file.read_text())
    return found


def write(file: Path, facts: Mapping[str, str], results: Sequence[Result]) -> None:
    """Put results in the place of those that a file has of the same rows; others stay."""
    rows = read(file) | {result.row.name: _row(facts, result) for result in results}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _row(facts: Mapping[str, str], result: Result) -> dict[str, Any]:
    return {
        "work": result.row.work,
        "figures": {} if result.refused else _figures(result),
        "refused": result.refused,
        "trial": result.is_trial,
        "load_before": round(result.load[0], 1),
        "load_after": round(result.load[1], 1),
        "cores_used_by_others": round(result.others, 1),
        "seconds": round(result.seconds, 1),
        **facts,
    }


def _figures(result: Result) -> dict[str, Any]:
    return {
        figure.name: {
            "unit": figure.unit,
            "median": result.median(figure.name),
            "runs": result.values(figure.name),
            "digits": figure.digits,
            "goal": figure.goal(),
            "reached": result.is_reached(figure),
            "floor": figure.is_floor,
        }
        for figure in result.row.figures
    }
