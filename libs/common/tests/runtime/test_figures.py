"""The figures that a service shows to Prometheus."""

import re
from pathlib import Path

import pytest
from sqlalchemy import event

from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.observability.metrics import Age, age_from_query, from_query
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint
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


def test_an_age_is_never_negative_and_grows_after_the_databases_clock_was_set_back() -> None:
    seconds = [100.0]
    age = Age(lambda: seconds[0])
    assert age.of(7.0) == 7.0
    assert age.of(-3_600.0) == 0.0
    seconds[0] += 130
    assert age.of(-3_470.0) == 130.0
    assert age.of(0.0) == 0.0
    assert age.of(-5.0) == 0.0  # another head: counted from now


@pytest.mark.database
def test_what_waits_is_seen_although_it_is_dated_ahead(store: Store, tmp_path: Path) -> None:
    made = service(store.url, tmp_path)
    made.name = "ingest"  # one that publishes
    seconds = [0.0]
    made.outbox_age.clock = lambda: seconds[0]
    made.gauges["doubt_age_seconds"] = age_from_query(made.engine, lambda _: -60.0)
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(1)])
        run(connection, "UPDATE outbox SET created_at = now() + interval '2 days'")
    assert get(made, "/health/flow").json()["outbox_age_s"] == 0.0
    seconds[0] = 130.0
    assert get(made, "/health/flow").json()["outbox_age_s"] == 130.0
    found = get(made, "/metrics").text
    assert "paydown_ingest_outbox_age_seconds 130.0" in found
    assert re.search(r"paydown_ingest_doubt_age_seconds \d", found)
    made.engine.dispose()


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
