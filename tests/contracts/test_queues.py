"""docs/queues.md names alerts and tests that exist, and says something for every queue."""

import re

import yaml

from devtools import paths

PAGE = (paths.ROOT / "docs" / "queues.md").read_text(encoding="utf-8")
LINES = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
COLUMNS = 6


def cells() -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


def test_each_head_of_a_queue_has_its_limit_its_end_and_a_test() -> None:
    for row in cells():
        assert len(row) == COLUMNS, row
        assert all(row[1:]), row  # the name of the queue may be that of the line above


def test_the_alerts_that_the_page_names_exist() -> None:
    file = paths.ROOT / "deploy" / "prometheus" / "alerts.yml"
    known = {
        rule["alert"]
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    }
    named = set(re.findall(r"`(Paydown\w+)`", PAGE))
    assert named
    assert named <= known


def test_the_tests_that_the_page_names_exist() -> None:
    for row in cells():
        named = re.findall(r"`([^`]+)`", row[-1])
        assert named, row
        for one in named:
            assert (paths.ROOT / one).is_file(), one  # a folder would say nothing
