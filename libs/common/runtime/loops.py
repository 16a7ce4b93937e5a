"""The loops of a service: threads under supervision. A loop that fails ends the process."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Retry
from libs.common.database.engine import is_unavailable
from libs.common.messaging.consumer import Beat
from libs.common.messaging.error_text import describe
from libs.common.observability.logs import frames, log
from libs.common.observability.process_end import end_process
from libs.common.runtime.work_signal import WorkSignal

RETRY_FIRST_S, RETRY_MAX_S = 0.2, 3.0
#: A loop that has found no work for so long looks less often, but at least once in a second.
IDLE_AFTER_S, IDLE_TIMES, IDLE_MAX_S = 20.0, 4, 1.0
#: The same for a loop that is told when there may be work for it.
SIGNALLED_MAX_S = 10.0


@dataclass(frozen=True)
class Loop:
    """A thread of a service.

    `run(stop, beat)` works until `stop` is set and calls `beat` on every turn.
    """

    name: str
    run: Callable[[threading.Event, Beat], None]


@dataclass
class Supervisor:
    """Runs loops in threads, and knows when each last called `beat` (monotonic seconds)."""

    last_beats: dict[str, float] = field(default_factory=dict)

    def start(self, loops: Iterable[Loop], stop: threading.Event) -> list[threading.Thread]:
        """Start each loop in a thread of its own."""
        threads = [
            threading.Thread(target=self._run, args=(loop, stop), name=loop.name, daemon=True)
            for loop in loops
        ]
        for thread in threads:
            thread.start()
        return threads

    def ages(self) -> dict[str, float]:
        """Seconds since each running loop last called `beat`."""
        now = time.monotonic()
        return {name: round(now - at, 1) for name, at in self.last_beats.items()}

    def _run(self, loop: Loop, stop: threading.Event) -> None:
        """Run one loop until `stop`.

        A loop that is stopped by a dependency that is away is begun again, so that Python need
        not start again for each restart of a server. Any other error, and a loop that ends by
        itself, end the process.
        """

        def beat() -> None:
            self.last_beats[loop.name] = time.monotonic()

        beat()
        wait_s = RETRY_FIRST_S
        while not stop.is_set():
            try:
                loop.run(stop, beat)
            except BaseException as error:  # noqa: BLE001 - nothing may go on without this loop
                if not _is_temporary(error):
                    _end_process(loop, error)
                log.warning(
                    "loop_begins_again",
                    loop=loop.name,
                    next=f"the loop begins again in {wait_s:.1f} s",
                    **describe(error),
                )
                beat()
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
            else:
                if not stop.is_set():
                    end_process("loop_ended", loop=loop.name, reason="it ended by itself")
                # It was asked to end, so a missing beat is no sign of trouble.
                self.last_beats.pop(loop.name, None)
                return


def _is_temporary(error: BaseException) -> bool:
    return isinstance(error, Retry) or (
        isinstance(error, SQLAlchemyError) and is_unavailable(error)
    )


def _end_process(loop: Loop, error: BaseException) -> None:
    end_process("loop_failed", loop=loop.name, traceback=frames(error), **describe(error))


def take_turns(
    turns: Iterable[Callable[[], object]],
    stop: threading.Event,
    beat: Beat,
    every_s: float,
    signal: WorkSignal | None = None,
) -> None:
    """Call each function in turn until `stop`.

    Sleep only when none of them found work (returned something true), longer after a pause. With a
    signal the pause ends when it is given, and what is found here gives it to the other loops.
    """
    turns, worked_at = tuple(turns), time.monotonic()
    while not stop.is_set():
        beat()
        given = signal.given if signal else 0
        found = [turn() for turn in turns]
        if any(found):
            worked_at = time.monotonic()
            if signal:
                signal.give()
        else:
            wait_for_work(stop, every_s, time.monotonic() - worked_at, signal, given)


def wait_for_work(
    stop: threading.Event, every_s: float, idle_s: float, signal: WorkSignal | None, given: int
) -> None:
    """Wait until a loop looks for work again that found none for `idle_s`.

    Args:
        given: how often the signal had been given before the loop looked.
    """
    wait_s = idle_wait_s(every_s, idle_s)
    if not stop.wait(wait_s) and signal and idle_s >= IDLE_AFTER_S:
        signal.wait(given, max(0.0, SIGNALLED_MAX_S - wait_s))


def idle_wait_s(every_s: float, idle_s: float) -> float:
    """Seconds for which a loop that found no work for `idle_s` does not look, whatever happens."""
    return every_s if idle_s < IDLE_AFTER_S else max(every_s, min(IDLE_TIMES * every_s, IDLE_MAX_S))
