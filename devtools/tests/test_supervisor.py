"""A process that dies is restarted; what a killed supervisord leaves behind is ended."""

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


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    # A state folder so deep that a socket in it would be too long for the system.
    state = tmp_path / ("deep" * 20)
    sleeper = Program(
        "sleeper",
        [
            sys.executable,
            "-c",
            "import os, time; print(os.environ['TEXT'], flush=True); time.sleep(600)",
        ],
        {"TEXT": "100% a,b=c"},
    )
    made = Supervisor(state)
    made.write(
        [sleeper, Program("broken", [sys.executable, "-c", "raise SystemExit('no such thing')"])]
    )
    made.start()
    yield made
    made.shutdown()
    made.clear()
    shutil.rmtree(made.socket_folder)


def test_a_killed_process_comes_back_as_itself(supervisor: Supervisor) -> None:
    supervisor.start_program("sleeper")
    eventually(lambda: supervisor.processes()["sleeper"].state == "RUNNING")
    eventually(lambda: supervisor.last_line("sleeper") == "100% a,b=c")
    killed = supervisor.processes()["sleeper"].pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: supervisor.processes()["sleeper"].pid not in (0, killed))
    assert is_alive(supervisor.processes()["sleeper"].pid)
    assert any(
        "exited: sleeper (terminated by SIGKILL" in line and "100% a,b=c" in line
        for line in supervisor.unexpected_exits()
    )
    supervisor.stop_programs(["sleeper"])
    assert supervisor.processes()["sleeper"].pid == 0


def test_a_process_that_cannot_start_is_tried_again_and_its_last_line_is_known(
    supervisor: Supervisor,
) -> None:
    supervisor.start_program("broken")
    eventually(lambda: supervisor.processes()["broken"].state == "BACKOFF")
    eventually(lambda: supervisor.last_line("broken") == "no such thing")


def test_what_a_killed_supervisord_leaves_behind_is_ended(supervisor: Supervisor) -> None:
    supervisor.start_program("sleeper")
    eventually(lambda: supervisor.last_line("sleeper") == "100% a,b=c")  # it is itself by now
    orphan, itself = supervisor.processes()["sleeper"].pid, supervisor.pid()
    assert itself
    os.kill(itself, signal.SIGKILL)
    eventually(lambda: not supervisor.is_alive())
    assert is_alive(orphan)
    assert supervisor.processes() == {}
    eventually(lambda: orphan in supervisor.orphans())
    supervisor.clear()
    assert not is_alive(orphan)


@pytest.mark.parametrize("value", ['a"b', "a'b", "a\nb", "a ; b", "a #b"])
def test_a_value_the_configuration_cannot_hold_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(CommandError, match="PAYDOWN_X may contain"):
        Supervisor(tmp_path).write([Program("x", ["true"], {"PAYDOWN_X": value})])
