"""A wrong or taken port is refused in one sentence, before anything is started."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.stack import ports
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops.errors import CommandError, exit_code
from services import catalog


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_every_port_has_its_variable() -> None:
    chosen = Ports.from_environment(
        {"PAYDOWN_KAFKA_PORT": "28001", "PAYDOWN_GATEWAY_PORT": "28002", "HOME": "/"}
    )
    assert chosen == Ports(kafka=28001, gateway=28002)


@pytest.mark.parametrize("text", ["", "abc", "0", "65536", "-1", "80.0", "٨٠"])
def test_what_is_no_port_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(CommandError, match="PAYDOWN_INGEST_PORT"):
        Ports.from_environment({"PAYDOWN_INGEST_PORT": text})


def test_two_processes_on_one_port_are_refused() -> None:
    with pytest.raises(
        CommandError, match="PAYDOWN_INGEST_PORT and PAYDOWN_LEDGER_PORT are both 28001"
    ):
        Ports.from_environment({"PAYDOWN_INGEST_PORT": "28001", "PAYDOWN_LEDGER_PORT": "28001"})


def test_a_taken_port_is_seen(taken: int) -> None:
    assert not ports.is_free(taken)
    assert all(ports.is_free(port) for port in ports.free_ports(3))


def test_a_stack_with_a_taken_port_starts_nothing(
    tmp_path: Path, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    free = dict(Ports.free().items())
    stack = Stack(tmp_path / "state", Ports(**{**free, "ledger": taken}))

    def command() -> int:
        stack.up()
        return 0

    assert exit_code(command) == 2
    assert capsys.readouterr().err == (
        f"paydown: port {taken} is taken by another program; stop it, "
        f"or choose another with PAYDOWN_LEDGER_PORT=<port>\n"
    )
    assert not (tmp_path / "state").exists()
    assert not stack.is_up()


def test_a_stack_that_does_not_run_is_listed_as_down(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports(), {name: "" for name in os.environ if name == "DATABASE_URL"})
    assert [str(one) for one in stack.status()] == [
        "postgres - down 54329",
        "kafka - down 19092",
        "simulator - down 8200",
        *(f"{service.name} - down {service.port}" for service in catalog.SERVICES),
    ]
    stack.down()  # safe when nothing runs
