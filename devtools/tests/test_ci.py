"""The stages of `make test`: side by side, each once, and the first failure ends the rest."""

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from devtools import ci, paths

WORKS = [sys.executable, "-c", "print('it works')"]
FAILS = [sys.executable, "-c", "raise SystemExit(3)"]
WAITS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ci.Suite:
    monkeypatch.setattr(ci, "LOGS", tmp_path)
    monkeypatch.setattr(ci, "STAGES", {"a": WORKS, "b": WORKS, "fails": FAILS, "waits": WAITS})
    return ci.Suite()


def test_every_kind_of_test_is_run_by_one_stage_of_the_suite() -> None:
    run = [name for group in ci.SUITE for name in group.stages]
    assert len(run) == len(set(run))
    assert set(ci.STAGES) - set(run) == {
        "chaos",
        "containers",
        "explore",
        "keycloak",
        "mutants",
        "simulate",
    }


def test_what_one_stage_leaves_out_is_what_another_runs() -> None:
    words = {name: command for name, command in ci.STAGES.items() if "pytest" in command}
    left_out = {
        word.removeprefix("--ignore=")
        for command in words.values()
        for word in command
        if word.startswith("--ignore=")
    }
    assert left_out == {"tests/broker", "services/dispatcher", *ci.RESTORE}
    run = [name for group in ci.SUITE for name in group.stages]
    for path in left_out:
        assert [name for name in run if path in words.get(name, ())], path


def test_no_flow_test_is_in_another_folder() -> None:
    folders = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["pytest"][
        "ini_options"
    ]["testpaths"]
    marked = [
        file.relative_to(paths.ROOT)
        for folder in folders
        for file in (paths.ROOT / folder).rglob("test_*.py")
        if re.search(r"\bmark\.flow\b", file.read_text())
    ]
    assert marked
    assert [file for file in marked if not str(file).startswith(ci.FLOW)] == []


def test_lanes_run_side_by_side_and_their_outputs_are_not_mixed(
    suite: ci.Suite, capfd: pytest.CaptureFixture[str]
) -> None:
    suite.run(ci.Group(2, ["a", "b"]))
    assert not suite.failed
    printed = capfd.readouterr().out
    assert "== a\nit works\n" in printed
    assert "== b\nit works\n" in printed


def test_the_first_failure_ends_what_runs_beside_it_and_nothing_new_begins(
    suite: ci.Suite, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    suite.run(ci.Group(2, ["fails", "waits", "a", "b"]))
    assert time.monotonic() - began < 30
    assert suite.failed == ["fails"]
    assert sorted(one.split()[0] for one in suite.took) == ["fails", "waits"]
    assert "it works" not in capfd.readouterr().out


def test_ctrl_c_ends_all_lanes(tmp_path: Path) -> None:
    works = "import sys, time; print('it works', flush=True); time.sleep(60)"
    program = (
        "import sys; from pathlib import Path; from devtools import ci; "
        f"ci.LOGS = Path({str(tmp_path)!r}); "
        f"ci.STAGES = dict.fromkeys('ab', [sys.executable, '-c', {works!r}]); "
        "ci.Suite().run(ci.Group(2, ['a', 'b']))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while "".join(log.read_text() for log in tmp_path.glob("*.log")).count("it works") < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0


def test_only_a_whole_suite_that_passed_is_recorded(
    suite: ci.Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = ci.LOGS / "last.json"
    monkeypatch.setattr(ci, "RECORD", record)
    monkeypatch.setattr(ci, "SUITE", [ci.Group(2, ["a", "fails"])])
    assert (ci.main(["a"]), ci.main([])) == (0, 1)
    assert not record.exists()
    monkeypatch.setattr(ci, "SUITE", [ci.Group(2, ["a", "b"])])
    assert ci.main([]) == 0
    found = json.loads(record.read_text())
    assert found["seconds"] >= 0
    assert len(found["stages"]) == 2
