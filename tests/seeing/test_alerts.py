"""The alert rules fire when they should and only then, each with its page; the dashboards ask for what can be asked."""

import json
import os
from pathlib import Path

import pytest
import yaml

from tests.seeing import watched
from tests.seeing.promtool import promtool, said

HEADINGS = ("## What it means", "## Is money affected?", "## What to do", "## How to see that it is over")


@pytest.fixture(scope="module")
def tool() -> str:
    found = promtool()
    if found is None:
        os.write(2, b"!!! SKIPPED: promtool is not here and cannot be had, so the alert rules were not tried: apt-get install prometheus\n")
        pytest.skip("no promtool")
    return found


def test_each_rule_fires_when_it_must_and_is_quiet_when_it_must_not(tool: str) -> None:
    for words in (("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")):
        code, text = said(tool, *words, folder=watched.PROMETHEUS)
        assert code == 0, text


def test_a_rule_that_is_wrong_is_found(tool: str, tmp_path: Path) -> None:
    for name in ("alerts.yml", "alerts.test.yml"):
        (tmp_path / name).write_text((watched.PROMETHEUS / name).read_text().replace("_payments_held > 0", "_payments_held > 5"))
    code, text = said(tool, "test", "rules", "alerts.test.yml", folder=tmp_path)
    assert (code, "PaydownHeld" in text) == (1, True), text


def test_each_alert_is_tried_both_ways() -> None:
    tried = [(test["name"], bool(test["alert_rule_test"][0]["exp_alerts"])) for test in
             yaml.safe_load((watched.PROMETHEUS / "alerts.test.yml").read_text())["tests"]]
    tried = [one for one in tried if not one[0].endswith("nothing is left to be asked")]
    assert sorted(tried) == sorted((f"{rule['alert']} {word}", fires) for rule in watched.rules() for word, fires in (("fires", True), ("is quiet", False)))


@pytest.mark.parametrize("rule", watched.rules(), ids=lambda rule: rule["alert"])
def test_each_alert_has_a_page_that_says_what_a_person_needs(rule: dict[str, dict[str, str]]) -> None:
    page = (watched.RUNBOOKS.parents[1] / rule["annotations"]["runbook"]).read_text()
    assert [heading for heading in HEADINGS if heading not in page] == []
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_each_page_is_listed() -> None:
    listed = (watched.RUNBOOKS / "README.md").read_text()
    assert [file.name for file in watched.RUNBOOKS.glob("*.md") if file.name != "README.md" and f"({file.name})" not in listed] == []


def test_the_dashboards_can_be_loaded_and_their_questions_are_understood(tool: str, tmp_path: Path) -> None:
    boards = watched.boards()
    assert len({board["uid"] for board in boards.values()}) == len(boards) >= 2
    for file, board in boards.items():
        assert file.stem == board["uid"]
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert all(panel["title"] and panel["targets"] and panel["datasource"]["uid"] == "paydown" for panel in board["panels"])
    recorded = [{"record": f"question_{n}", "expr": expression} for n, expression in enumerate(watched.expressions())]
    (tmp_path / "all.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": recorded}]}))
    code, text = said(tool, "check", "rules", "all.yml", folder=tmp_path)
    assert code == 0, text
