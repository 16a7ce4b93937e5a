"""A whole stack on ports of its own: what `make up`, `make status` and `make down` do."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.stack.ports import Ports, is_listening
from devtools.stack.stack import Stack
from devtools.tests.waiting import eventually
from ops.errors import CommandError

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="paydown-test-") as folder:
        Path(folder).chmod(0o755)
        with Stack(Path(folder) / "state", Ports.free(), {"DATABASE_URL": ""}) as up:
            yield up
        assert [port for _, port in up.ports.items() if is_listening(port)] == []
        up.remove()


def all_ready(stack: Stack) -> bool:
    return all(one.state == "ready" for one in stack.status())


def test_all_are_ready_with_the_pids_of_the_processes_themselves(stack: Stack) -> None:
    eventually(lambda: all_ready(stack), 60)
    for one in stack.status():
        assert one.pid
        command = (Path("/proc") / str(one.pid) / "cmdline").read_bytes()
        assert {"postgres": b"postgres", "kafka": b"kafka.Kafka"}.get(
            one.name, one.name.encode()
        ) in command


def test_up_again_leaves_everything_as_it_is(stack: Stack) -> None:
    before = [one.pid for one in stack.status()]
    stack.up()
    assert [one.pid for one in stack.status()] == before


def test_a_killed_process_is_started_again(stack: Stack) -> None:
    before = {one.name: one.pid for one in stack.status()}
    for name in ("postgres", "kafka", "ledger"):
        pid = before[name]
        assert pid
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not all_ready(stack), 10)
    eventually(lambda: all_ready(stack), 120)
    after = {one.name: one.pid for one in stack.status()}
    assert all(after[name] != before[name] for name in ("postgres", "kafka", "ledger"))


def test_a_stack_finds_the_ports_it_was_started_with(stack: Stack) -> None:
    assert Stack.started(stack.state).ports == stack.ports
    assert json.loads((stack.state / "stack.json").read_text())["prefix"] == "paydown"


def test_a_running_stack_is_not_removed(stack: Stack) -> None:
    with pytest.raises(CommandError, match="is up"):
        stack.remove()


def test_down_and_up_keeps_what_was_stored(stack: Stack) -> None:
    """Last, because it stops what the others use."""
    keys = (stack.state / "keys.json").read_text()
    stack.down()
    assert [port for _, port in stack.ports.items() if is_listening(port)] == []
    stack.up()
    assert all_ready(stack)
    assert (stack.state / "keys.json").read_text() == keys
