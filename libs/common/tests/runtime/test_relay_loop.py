"""The relay as a loop of a service: it begins again with another producer, and forgets nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from libs.common.messaging import kafka
from libs.common.runtime import loops
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.fake_producer import Producer, add, waiting
from libs.common.tests.runtime.test_service import service

pytestmark = pytest.mark.database


@contextmanager
def relay(
    store: Store, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Any]]:
    """The loop of a service's relay, which makes these producers one after the other.

    Yields the codes of the errors that ended its process.
    """
    left, ended, stop = iter(producers), list[Any](), threading.Event()

    def end_process(_event: str, **values: Any) -> None:
        ended.append(values.get("code"))
        stop.set()

    monkeypatch.setattr(kafka, "producer", lambda _address: next(left))
    monkeypatch.setattr(kafka, "answers", lambda _address: True)
    monkeypatch.setattr(loops, "end_process", end_process)
    made = service(store.url, Path())
    made.add_relay()
    (thread,) = made.supervisor.start(made.loops, stop)
    try:
        yield ended
    finally:
        stop.set()
        thread.join(10)
        made.engine.dispose()


def test_a_producer_that_is_stuck_is_replaced_and_the_outbox_is_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, good = Producer(), Producer()
    stuck.silent = True
    sent = add(store, range(3))
    with relay(store, [stuck, good], monkeypatch) as ended:
        assert wait_for(lambda: waiting(store) == [], 10)
    assert (stuck.ids()[:3], good.ids(), ended) == (sent, sent, [])


def test_the_next_producer_may_not_write_before_what_the_first_one_wrote(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Producer(), Producer()
    first.next_offset, second.next_offset = 10, 4
    with relay(store, [first, second], monkeypatch) as ended:
        add(store, range(3))
        assert wait_for(lambda: waiting(store) == [], 10)
        first.silent = True
        late = add(store, range(3, 5))
        assert wait_for(lambda: bool(second.given and ended), 10)
    assert ended == ["kafka.topic-older"]
    assert waiting(store) == late
