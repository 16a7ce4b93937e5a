"""What the dispatcher asks its database while nothing happens: counted, so that it stays little."""

import threading
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from libs.common.runtime import loops as common_loops
from libs.common.runtime.work_signal import WorkSignal
from services.dispatcher import app
from services.dispatcher.app import Loops
from services.dispatcher.sending import worker
from services.dispatcher.settings import FAST_TIMING
from services.dispatcher.tests.factories import CIPHER
from services.dispatcher.tests.harness import BareDispatcher

pytestmark = pytest.mark.database
#: In an idle minute, without pings, begins and ends. There were 1,665 when loops looked every
#: second.
STATEMENTS_A_MINUTE = 156


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Callable[[], object], float]]:
    """By loop: one look of it, and for how many seconds it then waits when it has long been idle.

    Filled when the loops are run.
    """
    found: dict[str, tuple[Callable[[], object], float]] = {}

    def wait_s(every_s: float, signal: WorkSignal | None) -> float:
        own_s = common_loops.idle_wait_s(every_s, common_loops.IDLE_AFTER_S)
        return max(own_s, common_loops.SIGNALLED_MAX_S) if signal else own_s

    def take_turns(
        turns: Iterable[Callable[[], object]],
        _stop: object,
        _beat: object,
        every_s: float,
        signal: WorkSignal | None = None,
    ) -> None:
        known = tuple(turns)
        found[threading.current_thread().name] = (
            lambda: [turn() for turn in known],
            wait_s(every_s, signal),
        )

    def run(self: worker.Worker, _stop: object, _beat: object) -> None:
        found[self.sender.name] = (self._lease_calls, wait_s(worker.IDLE_S, self.signal))

    monkeypatch.setattr(app, "take_turns", take_turns)
    monkeypatch.setattr(worker.Worker, "run", run)
    return found


def test_an_idle_dispatcher_asks_its_database_seldom(
    engines: tuple[Engine, Engine], looks: dict[str, tuple[Callable[[], object], float]]
) -> None:
    idle = BareDispatcher(*engines)
    settings: Any = SimpleNamespace(
        profile="demo",
        payments_per_min=0,
        requests_per_min=0,
        timing=FAST_TIMING,
        provider_version="2025-07-04",
        concurrency=32,
        call_verifier=None,
        trusted=None,
        preflight_limit_s=10.0,
        webhook_url="",
        webhook_secret="",
    )
    service: Any = SimpleNamespace(
        engine=engines[0],
        work=WorkSignal(),
        world=SimpleNamespace(checks=[]),
        startup_gate=SimpleNamespace(identity_guard=SimpleNamespace(check=None)),
    )
    for loop in Loops(service, settings, idle.provider, CIPHER).all():
        thread = threading.Thread(
            target=loop.run, args=(threading.Event(), lambda: None), name=loop.name
        )
        thread.start()
        thread.join(30)
    assert len(looks) == 6
    statements: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        statements.append(sql)

    event.listen(engines[0], "before_cursor_execute", note)
    a_minute = 0.0
    for look, _ in looks.values():
        look()  # what is done once after a start
    for name, (look, wait_s) in looks.items():
        statements.clear()
        look()
        assert statements, name
        a_minute += len(statements) * 60 / wait_s
    event.remove(engines[0], "before_cursor_execute", note)
    assert a_minute <= STATEMENTS_A_MINUTE
