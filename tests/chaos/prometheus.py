"""A real Prometheus with the project's own alert rules, which scrapes a local stack.

The program is in the Debian package from which promtool is taken (tests/observability/promtool.py).
"""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from devtools.stack.ports import HOST, Ports, free_ports
from libs.common.testing.waiting import wait_for
from tests.chaos.findings import Findings
from tests.observability import watched
from tests.observability.promtool import FOLDER, promtool

READY_S, EVERY_S = 60.0, 5.0
#: Labels that do not tell one alert from another of its rule.
SAME = ("__name__", "alertname", "alertstate", "severity", "instance")


@dataclass(frozen=True)
class Alerts:
    """The alerts of a time, each with when it was pending, and when it fired."""

    pending: Findings
    firing: Findings


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def alerts(self, began: float, ended: float) -> Alerts:
        """What the rules found between two moments (seconds since 1970), one look each 5 s."""
        query: dict[str, str | float] = {
            "query": "ALERTS",
            "start": began,
            "end": ended,
            "step": EVERY_S,
        }
        answer = httpx.get(f"{self.url}/api/v1/query_range", params=query, timeout=60)
        series = answer.raise_for_status().json()["data"]["result"]
        found = {state: Findings() for state in ("pending", "firing")}
        times = [began + EVERY_S * n for n in range(int((ended - began) / EVERY_S) + 1)]
        for state, findings in found.items():
            seen: dict[float, set[str]] = {}
            for one in (one for one in series if one["metric"]["alertstate"] == state):
                for at, _ in one["values"]:
                    seen.setdefault(round(at, 3), set()).add(name_of(one["metric"]))
            for at in times:
                findings.note(at - began, seen.get(round(at, 3), set()))
        return Alerts(found["pending"], found["firing"])


def name_of(labels: Mapping[str, str]) -> str:
    """An alert's name, with the labels that tell it from others of its rule."""
    more = ", ".join(f"{key}={value}" for key, value in labels.items() if key not in SAME)
    return f"{labels['alertname']} ({more})" if more else labels["alertname"]


@contextmanager
def prometheus(ports: Ports, folder: Path) -> Iterator[Prometheus]:
    """Scrapes a stack as deploy/prometheus says, and evaluates alerts.yml."""
    promtool()  # fetches the package
    program = shutil.which("prometheus") or str(FOLDER / "usr" / "bin" / "prometheus")
    if not Path(program).exists():
        pytest.fail("Prometheus is not here and cannot be fetched: apt-get install prometheus")
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    address = f"{HOST}:{port}"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(ports)))
    words = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *words, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        made = Prometheus(f"http://{address}")
        assert wait_for(lambda: is_ready(made), READY_S), (folder / "prometheus.log").read_text()
        yield made
    finally:
        process.terminate()
        process.wait(30)


def configuration(ports: Ports) -> dict[str, object]:
    """deploy/prometheus/prometheus.yml, for the ports of a local stack."""
    made: dict[str, object] = yaml.safe_load((watched.PROMETHEUS / "prometheus.yml").read_text())
    jobs = [
        {"job_name": one["job_name"], "static_configs": [{"targets": [address_of(one, ports)]}]}
        for one in made["scrape_configs"]  # type: ignore[attr-defined]  # a list of mappings
    ]
    return made | {
        "rule_files": [str(watched.PROMETHEUS / "alerts.yml")],
        "scrape_configs": jobs,
    }


def address_of(job: Mapping[str, str], ports: Ports) -> str:
    return ports.address(job["job_name"].removeprefix("paydown-"))


def is_ready(server: Prometheus) -> bool:
    try:
        return httpx.get(f"{server.url}/-/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        time.sleep(0.2)
        return False
