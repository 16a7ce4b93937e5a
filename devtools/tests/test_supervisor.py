"""What dies comes back; what a killed keeper leaves behind is ended."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.stack.supervisor import Program, Supervisor
from devtools.tests.waiting import eventually
from ops.errors import CommandError


def lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Supervisor]:
    # A state folder so deep that a socket in it would be too long for the system.
    state = tmp_path / ("deep" * 20)
    sleeper = Program(
        "sleeper",
        [
            sys.executable,
            "-c",
            "import os, time; print(os.environ['SAID'], flush=True); time.sleep(600)",
        ],
        {"SAID": "100% a,b=c"},
    )
    supervisor = Supervisor(state)
    supervisor.write(
        [sleeper, Program("broken", [sys.executable, "-c", "raise SystemExit('no such thing')"])]
    )
    supervisor.start()
    yield supervisor
    supervisor.shutdown()
    supervisor.clear()
    shutil.rmtree(supervisor.socket_folder)


def test_a_killed_process_comes_back_as_itself(keeper: Supervisor) -> None:
    keeper.start_program("sleeper")
    eventually(lambda: keeper.processes()["sleeper"].state == "RUNNING")
    eventually(lambda: keeper.last_line("sleeper") == "100% a,b=c")
    killed = keeper.processes()["sleeper"].pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: keeper.processes()["sleeper"].pid not in (0, killed))
    assert lives(keeper.processes()["sleeper"].pid)
    assert any(
        "exited: sleeper (terminated by SIGKILL" in line and "100% a,b=c" in line
        for line in keeper.unexpected_exits()
    )
    keeper.stop_programs(["sleeper"])
    assert keeper.processes()["sleeper"].pid == 0


def test_a_process_that_cannot_start_is_tried_again_and_its_last_word_is_kept(
    keeper: Supervisor,
) -> None:
    keeper.start_program("broken")
    eventually(lambda: keeper.processes()["broken"].state == "BACKOFF")
    eventually(lambda: keeper.last_line("broken") == "no such thing")


def test_what_a_killed_keeper_leaves_behind_is_ended(keeper: Supervisor) -> None:
    keeper.start_program("sleeper")
    eventually(lambda: keeper.processes()["sleeper"].pid != 0)
    orphan, itself = keeper.processes()["sleeper"].pid, keeper.pid()
    assert itself
    os.kill(itself, signal.SIGKILL)
    eventually(lambda: not keeper.is_alive())
    assert lives(orphan)
    assert keeper.processes() == {}
    eventually(lambda: orphan in keeper.orphans())
    keeper.clear()
    assert not lives(orphan)


@pytest.mark.parametrize("value", ['a"b', "a'b", "a\nb", "a ; b", "a #b"])
def test_a_value_the_configuration_cannot_hold_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(CommandError, match="PAYDOWN_X may contain"):
        Supervisor(tmp_path).write([Program("x", ["true"], {"PAYDOWN_X": value})])
