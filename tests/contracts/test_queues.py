"""docs/queues.md names alerts and tests that exist, and the time after which an alert fires."""

import re

import yaml

from devtools import paths

PAGE = (paths.ROOT / "docs" / "queues.md").read_text(encoding="utf-8")
LINES = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
COLUMNS = 6
ALERTS = paths.ROOT / "deploy" / "prometheus" / "alerts.yml"
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}


def cells() -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


def test_each_head_of_a_queue_has_its_limit_its_end_and_a_test() -> None:
    for row in cells():
        assert len(row) == COLUMNS, row
        assert all(row[1:]), row  # the name of the queue may be that of the line above


def test_the_alerts_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`(Paydown\w+)`", PAGE))
    assert named
    assert named <= set(RULES)


def test_the_tests_that_the_page_names_exist() -> None:
    for row in cells():
        named = re.findall(r"`([^`]+)`", row[-1])
        assert named, row
        for one in named:
            assert (paths.ROOT / one).is_file(), one  # a folder would say nothing


def test_an_alert_fires_as_soon_as_the_page_says() -> None:
    """The age that a rule asks for, and the time for which it must be so, are added up."""
    said = re.findall(r"`(Paydown\w+)` (?:after (\d+) min|at once)", PAGE)
    assert said
    assert {(name, int(minutes or 0)) for name, minutes in said} == {
        (name, minutes_until_it_fires(name)) for name, _ in said
    }


def minutes_until_it_fires(alert: str) -> int:
    rule = RULES[alert]
    waited = re.match(r"(\d+)m", rule.get("for", "0m"))
    ages_s = re.findall(r"(?:age|standing)_seconds\"?\}? > (\d+)", rule["expr"])
    window = re.search(r"delta\(\w+\[(\d+)m\]\) == 0", rule["expr"])
    assert waited, rule
    age_min = max(map(int, ages_s), default=0) // 60
    return int(waited[1]) + age_min + (int(window[1]) if window else 0)
