"""The table of `make bench`: its rows, its goals, and the runs it refuses."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devtools.bench import __main__ as bench
from devtools.bench import document, machine, stored, table
from devtools.bench.catalog import ROWS
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from ops.errors import CommandError

FIGURES = (
    Figure("time ÷ floor", at_most=3),
    Figure("rate", "/s", 0, at_least=100),
    Figure("COPY", "s", 2, is_floor=True),
)
FACTS = {
    "commit": "abc",
    "at": "today",
    "machine": "2 cores",
    "postgresql": "fsync on",
    "kafka": "acks all",
    "rows_for_50000": "500",
}


def row(*times: float) -> Row:
    """A row whose runs have these ratios."""
    left: Iterator[float] = iter(times)

    def measure(_: Workplace) -> Mapping[str, float]:
        return {"time ÷ floor": next(left), "rate": 99.0, "COPY": 0.25}

    return Row("holds", "what is done", FIGURES, measure, runs=len(times))


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.1)


def test_the_median_stands_beside_the_spread_the_goal_and_the_floor() -> None:
    found = table.lines(bench.measure(row(4.0, 2.0, 2.5), Workplace()))
    assert found[1].split() == ["time", "÷", "floor", "2.5", "2.0", "to", "4.0", "≤", "3", "yes"]
    assert found[2].split() == ["rate", "99", "/s", "99", "to", "99", "≥", "100", "no"]
    assert found[3].split()[:4] == ["floor:", "COPY", "0.25", "s"]
    assert "3 runs" in found[4]
    assert "LOADED" not in found[4]


def test_a_run_whose_counts_do_not_add_up_has_no_figures(tmp_path: Path) -> None:
    def measure(_: Workplace) -> Mapping[str, float]:
        require_equal("rows", 49_999, 50_000)
        return {"time ÷ floor": 0.1, "rate": 1e6, "COPY": 0.1}

    result = bench.measure(Row("holds", "what is done", FIGURES, measure), Workplace())
    text = "\n".join(table.lines(result))
    assert "refused: the counts do not add up: rows: 49999, not 50000" in text
    assert "floor" not in text
    stored.write(tmp_path / "bench.json", FACTS, [result])
    assert stored.read(tmp_path / "bench.json")["holds"]["figures"] == {}
    assert "refused: the counts" in document.figures(stored.read(tmp_path / "bench.json"))


def test_one_refused_run_of_three_refuses_the_row() -> None:
    def measure(_: Workplace) -> Mapping[str, float]:
        runs.append(1)
        require_equal("rows", len(runs) < 3, True)
        return {"time ÷ floor": 2.0, "rate": 1.0, "COPY": 0.1}

    runs: list[int] = []
    assert bench.measure(Row("holds", "", FIGURES, measure), Workplace()).refused


def test_a_figure_beside_other_work_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "busy_cores", lambda: 1.7)
    found = table.lines(bench.measure(row(2.0), Workplace()))
    assert "LOADED: other programs used 1.7 cores" in found[-1]


def test_json_has_each_run_and_keeps_the_rows_that_were_not_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    stored.write(file, FACTS | {"commit": "old"}, [bench.measure(row(9.0), Workplace())])
    other = Row("relay", "", FIGURES, row(4.0, 2.0).measure, runs=2)
    stored.write(file, FACTS, [bench.measure(other, Workplace())])
    found = stored.read(file)
    assert {name: one["commit"] for name, one in found.items()} == {"holds": "old", "relay": "abc"}
    figure = found["relay"]["figures"]["time ÷ floor"]
    assert (figure["median"], figure["runs"]) == (3.0, [4.0, 2.0])
    assert (figure["goal"], figure["reached"], figure["floor"]) == ("≤ 3", True, False)


def test_the_page_quotes_the_bench_without_trials_and_says_where_it_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "busy_cores", lambda: 1.7)
    trial = Row("relay", "", FIGURES, row(2.0).measure, runs=1)
    stored.write(tmp_path / "b.json", FACTS, [bench.measure(trial, Workplace(rows=500))])
    stored.write(tmp_path / "b.json", FACTS, [bench.measure(row(2.0), Workplace())])
    page = document.filled(f"before\n{document.BEGIN}stale\n{document.END}after\n", _read(tmp_path))
    assert "| holds | time ÷ floor | 2.0 |  | ≤ 3 | yes |" in page
    assert "| holds | floor: COPY | 0.25 s |  |  |  |" in page
    assert "- holds: load " in page
    assert "| relay |" not in page
    assert "LOADED: others used 1.7 cores; commit abc" in page
    assert "Not measured in full size yet: ingest, statuses" in page
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "stale" not in page
    assert page == document.filled(page, _read(tmp_path))


def _read(folder: Path) -> stored.Stored:
    return stored.read(folder / "b.json")


def test_the_page_of_this_checkout_has_the_figures_of_its_file() -> None:
    assert document.fits()


def test_rows_are_chosen_by_a_word_of_their_name() -> None:
    assert [one.name for one in bench.choose("payments-f")] == ["payments-first"]
    assert [one.name for one in bench.choose("relay holds")] == ["holds", "relay"]
    assert [one.name for one in bench.choose("ingest")] == ["ingest"]
    assert [one.name for one in bench.choose("inges")] == ["ingest", "ingest-million"]
    assert bench.choose("") == list(ROWS)
    with pytest.raises(CommandError, match="no row 'nothing'; there are ingest, holds"):
        bench.choose("nothing")


def test_every_row_is_named_once_and_has_a_goal() -> None:
    assert len({one.name for one in ROWS}) == len(ROWS)
    for one in ROWS:
        assert len({figure.name for figure in one.figures}) == len(one.figures)
        assert any(figure.goal() for figure in one.figures), one.name


def test_a_trial_shrinks_every_size_alike() -> None:
    assert [Workplace().size(full) for full in (50_000, 1_000_000)] == [50_000, 1_000_000]
    trial = Workplace(rows=500)
    assert [trial.size(full) for full in (50_000, 1_000_000, 10)] == [500, 10_000, 1]
    assert trial.size(1_000, least=50) == 50


def test_a_trial_reaches_no_goal() -> None:
    found = table.lines(bench.measure(row(2.0), Workplace(rows=500)))
    assert found[1].split() == ["time", "÷", "floor", "2.0", "≤", "3"]


def test_the_estimate_falls_with_the_sizes() -> None:
    one = Row("holds", "", FIGURES, lambda _: {}, runs=3, estimate_s=100)
    assert bench.estimate_s(one, 50_000, 0) == bench.START_S + 300
    assert bench.estimate_s(one, 5_000, 1) == bench.START_S + 10


def test_busy_cores_are_measured() -> None:
    assert 0 <= machine._busy_ticks() <= machine._busy_ticks()
