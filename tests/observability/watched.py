"""The alert rules, the dashboards, and the names of the metrics that they query."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from devtools import paths

PROMETHEUS = paths.ROOT / "deploy" / "prometheus"
BOARDS = paths.ROOT / "deploy" / "grafana" / "dashboards"
RUNBOOKS = paths.ROOT / "docs" / "runbooks"


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    return [
        rule
        for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]


def boards() -> dict[Path, dict[str, Any]]:
    """Every dashboard by its file."""
    return {file: json.loads(file.read_text()) for file in sorted(BOARDS.glob("*.json"))}


def expressions() -> list[str]:
    """Every query to Prometheus."""
    return [rule["expr"] for rule in rules()] + [
        target["expr"]
        for board in boards().values()
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def missing(exposed: set[str]) -> list[str]:
    """Names and patterns of names that are queried and that no service exposes."""
    found = []
    for expression in expressions():
        patterns = re.findall(r'__name__=~"([^"]+)"', expression)
        names = re.findall(r"\bpaydown_[a-z_]+", re.sub(r'"[^"]*"', "", expression))
        found += [name for name in names if name not in exposed] + [
            p for p in patterns if not any(re.fullmatch(p, name) for name in exposed)
        ]
    return found
