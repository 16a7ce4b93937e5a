import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.messages import Request
from simulator.state import ProviderState
from simulator.tests.harness import Simulator


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator"))
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(shared: Simulator) -> Iterator[Simulator]:
    """The shared process. Its controls are reset afterwards."""
    yield shared
    shared.call("DELETE", "/_simulator/faults")
    shared.call("DELETE", "/_simulator/outcomes")
    shared.control("limits", {})
    shared.control("profile", {"name": "demo"})
    shared.control("webhooks", {"mode": "normal"})
    shared.control("clock", {"speed": 1})


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulator]:
    """A process of the test's own, not started yet."""
    simulator = Simulator(tmp_path)
    yield simulator
    if simulator.process is not None and simulator.process.poll() is None:
        simulator.kill()


@pytest.fixture
def state() -> ProviderState:
    """A provider in memory."""
    return ProviderState("test")


@pytest.fixture
def ask() -> "Ask":
    return Ask()


class Ask:
    """Makes requests for the pure handlers, each a second later than the one before."""

    def __init__(self) -> None:
        self.clock_s = itertools.count(1_700_000_000)

    def __call__(
        self, body: str = "", *ids: str, query: str = "", version: str = "2025-07-04"
    ) -> Request:
        return Request(
            "POST", "/", "/", list(ids), query, body.encode(), version, next(self.clock_s) * 1000
        )
