"""Steps side by side: stalls are said, failures end the others, children do not outlive us."""

import functools
import sys
import time
from pathlib import Path

import pytest

from devtools.setup import steps as module
from devtools.setup.steps import ChildFailed, Steps

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def run(steps: Steps, code: str, growing: tuple[Path, ...] = ()) -> None:
    steps.run("fetching", [sys.executable, "-c", code], growing=growing)


def test_a_stall_is_said_once_while_nothing_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.5)
    with Steps() as steps:
        run(steps, "import time; time.sleep(2.5)", (tmp_path,))
    said = capsys.readouterr().out
    assert said.count("nothing has arrived") == 1
    assert "no proxy is set" in said or "by the proxy" in said


def test_what_grows_is_no_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "STALL_S", 3.0)
    code = f"""
import time
with open({str(tmp_path / "part")!r}, "w") as file:
    for _ in range(45):
        file.write("x" * 100); file.flush(); time.sleep(0.1)
"""
    with Steps() as steps:
        run(steps, code, (tmp_path,))
    assert capsys.readouterr().out == ""


def test_a_child_that_fails_gives_its_output() -> None:
    with Steps() as steps, pytest.raises(ChildFailed, match="it is broken"):
        run(steps, "import sys; print('it is broken'); sys.exit(3)")


def test_when_one_step_fails_the_others_end_at_once() -> None:
    began = time.monotonic()
    with Steps() as steps, pytest.raises(ChildFailed, match="broken"):
        steps.side_by_side(
            functools.partial(steps.run, "waiting", SLEEP),
            functools.partial(run, steps, "raise SystemExit('broken')"),
        )
    assert time.monotonic() - began < 20


def test_after_the_end_no_child_is_started() -> None:
    with Steps() as steps:
        steps.end_children()
        with pytest.raises(ChildFailed, match="interrupted"):
            steps.run("waiting", SLEEP)
