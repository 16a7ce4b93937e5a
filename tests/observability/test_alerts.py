"""Alert rules fire when they should and only then; dashboards query what can be queried."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from services import catalog
from tests.observability import watched
from tests.observability.promtool import promtool, run

PODS = [{"role": "pod", "namespaces": {"names": ["paydown"]}}]
HEADINGS = (
    "## What it means",
    "## Is money affected?",
    "## What to do",
    "## How to see that it is over",
)


@pytest.fixture(scope="module")
def tool() -> str:
    found = promtool()
    if found is None:
        os.write(
            2,
            b"!!! SKIPPED: promtool is not here and cannot be fetched, so the alert rules were not "
            b"tried: apt-get install prometheus\n",
        )
        pytest.skip("no promtool")
    return found


def test_each_rule_fires_when_it_must_and_is_quiet_when_it_must_not(tool: str) -> None:
    for words in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ):
        code, text = run(tool, *words, folder=watched.PROMETHEUS)
        assert code == 0, text


def test_prometheus_scrapes_each_service_of_the_catalog_on_its_port() -> None:
    config = yaml.safe_load((watched.PROMETHEUS / "prometheus.yml").read_text())
    wanted = [
        {
            "job_name": f"paydown-{service.name}",
            "dns_sd_configs": [{"names": [service.name], "type": "A", "port": service.port}],
        }
        for service in catalog.SERVICES
    ]
    lines = "\n".join(map(str, wanted))
    assert config["scrape_configs"] == wanted, f"prometheus.yml should scrape:\n{lines}"


def test_a_service_of_the_catalog_that_is_gone_fires_an_alert() -> None:
    (rule,) = (rule for rule in watched.rules() if rule["alert"] == "PaydownServiceDown")
    missing = [
        f'or absent(up{{job="paydown-{name}"}})'
        for name in catalog.NAMES
        if f'absent(up{{job="paydown-{name}"}})' not in rule["expr"]
    ]
    assert not missing, "\n".join(["PaydownServiceDown in alerts.yml lacks:", *missing])


def test_the_jobs_on_kubernetes_are_the_same_and_take_every_pod() -> None:
    named, found = (
        yaml.safe_load((watched.PROMETHEUS / file).read_text())
        for file in ("prometheus.yml", "kubernetes.yml")
    )
    labels = [
        f"__meta_kubernetes_pod_{label}"
        for label in ("label_app_kubernetes_io_name", "container_port_number", "phase")
    ]
    wanted = []
    for job in named["scrape_configs"]:
        (target,) = job.pop("dns_sd_configs")
        kept = {
            "action": "keep",
            "regex": f"{target['names'][0]};{target['port']};Running",
            "source_labels": labels,
        }
        wanted.append(job | {"kubernetes_sd_configs": PODS, "relabel_configs": [kept]})
    assert found == named | {"scrape_configs": wanted}


def test_the_file_for_kubernetes_is_one_that_prometheus_reads(tool: str, tmp_path: Path) -> None:
    code, words = run(tool, "check", "config", "kubernetes.yml", folder=watched.PROMETHEUS)
    if "field kubernetes_sd_configs not found" in words:
        # Debian builds promtool without it: only the rest can be checked
        plan = yaml.safe_load((watched.PROMETHEUS / "kubernetes.yml").read_text())
        for job in plan["scrape_configs"]:
            del job["kubernetes_sd_configs"]
        (tmp_path / "kubernetes.yml").write_text(json.dumps(plan))
        (tmp_path / "alerts.yml").write_text((watched.PROMETHEUS / "alerts.yml").read_text())
        code, words = run(tool, "check", "config", "kubernetes.yml", folder=tmp_path)
    assert code == 0, words


@pytest.mark.parametrize(
    ("alert", "right", "wrong"),
    [
        ("PaydownHeld", "_payments_held > 0", "_payments_held > 5"),
        (
            "PaydownLimiterClosed",
            "max_over_time(paydown_dispatcher_limiter_closed_seconds[2m]) > 0",
            "paydown_dispatcher_limiter_closed_seconds > 0",
        ),
        (
            "PaydownNothingSent",
            "_kill_switch == 0 and",
            "_kill_switch == 0 and on() paydown_dispatcher_sources_stopped == 0 and",
        ),
        ("PaydownNothingSent", "payments_unsent > 0 and on() ", ""),
    ],
)
def test_a_rule_that_is_wrong_is_found(
    tool: str, tmp_path: Path, alert: str, right: str, wrong: str
) -> None:
    for name in ("alerts.yml", "alerts.test.yml"):
        (tmp_path / name).write_text((watched.PROMETHEUS / name).read_text().replace(right, wrong))
    code, text = run(tool, "test", "rules", "alerts.test.yml", folder=tmp_path)
    assert (code, alert in text) == (1, True), text


def test_each_alert_is_tried_both_ways() -> None:
    tried = set()
    for test in yaml.safe_load((watched.PROMETHEUS / "alerts.test.yml").read_text())["tests"]:
        name = re.match(r"(\w+) (fires|is quiet)\b", test["name"])
        assert name, test["name"]
        tried.add((*name.groups(), bool(test["alert_rule_test"][0]["exp_alerts"])))
    assert tried == {
        (rule["alert"], word, fires)
        for rule in watched.rules()
        for word, fires in (("fires", True), ("is quiet", False))
    }


@pytest.mark.parametrize("rule", watched.rules(), ids=lambda rule: rule["alert"])
def test_each_alert_has_a_page_that_says_what_a_person_needs(
    rule: dict[str, dict[str, str]],
) -> None:
    page = (watched.RUNBOOKS.parents[1] / rule["annotations"]["runbook"]).read_text()
    assert [heading for heading in HEADINGS if heading not in page] == []
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_each_page_is_listed() -> None:
    listed = (watched.RUNBOOKS / "README.md").read_text()
    assert [
        file.name
        for file in watched.RUNBOOKS.glob("*.md")
        if file.name != "README.md" and f"({file.name})" not in listed
    ] == []


def test_the_dashboards_can_be_loaded_and_their_queries_are_understood(
    tool: str, tmp_path: Path
) -> None:
    boards = watched.boards()
    assert len({board["uid"] for board in boards.values()}) == len(boards) >= 2
    for file, board in boards.items():
        assert file.stem == board["uid"]
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert all(
            panel["title"] and panel["targets"] and panel["datasource"]["uid"] == "paydown"
            for panel in board["panels"]
        )
    recorded = [
        {"record": f"query_{n}", "expr": expression}
        for n, expression in enumerate(watched.expressions())
    ]
    (tmp_path / "all.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": recorded}]}))
    code, text = run(tool, "check", "rules", "all.yml", folder=tmp_path)
    assert code == 0, text
