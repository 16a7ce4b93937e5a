"""The figures that a service shows to Prometheus."""

import re
from pathlib import Path

import pytest
from sqlalchemy import event

from libs.common.database.engine import run
from libs.common.observability.metrics import from_query
from libs.common.tests.conftest import Store
from libs.common.tests.runtime.test_service import get, service


@pytest.mark.database
def test_each_finding_around_a_service_is_a_metric_with_the_name_of_its_check(
    store: Store, tmp_path: Path
) -> None:
    made = service(store.url, tmp_path)
    made.world.found = {"disk of /srv": "It is full.", "clock of the broker": ""}
    found = get(made, "/metrics").text
    assert 'paydown_example_world_finding{check="disk of /srv"} 1.0' in found
    assert "clock of the broker" not in found
    assert "paydown_example_world_findings 1.0" in found
    made.engine.dispose()


@pytest.mark.database
def test_a_process_that_has_begun_again_shows_in_the_figures(store: Store, tmp_path: Path) -> None:
    def started_at() -> list[str]:
        made = service(store.url, tmp_path)
        first, second = get(made, "/metrics").text, get(made, "/metrics").text
        made.engine.dispose()
        return [
            line
            for text in (first, second)
            for line in text.splitlines()
            if line.startswith("paydown_example_started_at_seconds ")
        ]

    (one, again), (other, _) = started_at(), started_at()
    assert one == again != other


@pytest.mark.database
def test_a_scrape_reads_all_figures_on_one_connection(store: Store, tmp_path: Path) -> None:
    """On a machine without a free processor each round trip waits for its turn."""
    made = service(store.url, tmp_path)
    made.gauges |= {
        f"figure_{n}": from_query(
            made.engine, lambda connection: run(connection, "SELECT 7").scalar_one()
        )
        for n in range(5)
    }
    taken: list[int] = []
    event.listen(made.engine, "checkout", lambda *_: taken.append(1))
    found = get(made, "/metrics").text
    assert len([line for line in found.splitlines() if re.match(r"\w+_figure_\d 7.0", line)]) == 5
    assert len(taken) == 1
    assert made.gauges["figure_0"]() == 7
    made.engine.dispose()
