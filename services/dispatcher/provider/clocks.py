"""The clocks of this process, and the provider's clock as its answers show it."""

import os
import threading
import time
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import cache
from pathlib import Path

from libs.common.observability.logs import log
from services.dispatcher.domain.clocks import (
    DATE_TOLERANCE_S,
    ClockSample,
    ClockStep,
    DateTrack,
    Moment,
    SeenDate,
    clarify,
    find_step,
)

BOOT_ID, BOOT_ID_BYTES = Path("/proc/sys/kernel/random/boot_id"), 64
MOMENTS_MAX = 200_000


@cache
def open_boot_id() -> int | None:
    """The kernel's file, opened once: each call reads the clocks, several times."""
    return os.open(BOOT_ID, os.O_RDONLY | os.O_CLOEXEC) if BOOT_ID.exists() else None


def read_clocks() -> ClockSample:
    """Read this machine's clocks."""
    file = open_boot_id()
    boot_id = "" if file is None else os.pread(file, BOOT_ID_BYTES, 0).decode().strip()
    return ClockSample(
        time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time(), boot_id
    )


class Moments:
    """When this process first saw something; what was forgotten counts as seen now.

    Args:
        keep_over_steps: whether a moment still counts after time has passed over the process.
    """

    def __init__(self, *, keep_over_steps: bool) -> None:
        self.keep_over_steps = keep_over_steps
        self._moments: dict[Hashable, Moment] = {}
        self._lock = threading.Lock()

    def note(self, key: Hashable, now: Moment) -> None:
        """Note when something happened, also if a key was used before."""
        with self._lock:
            self._moments.pop(key, None)
            self._moments[key] = now

    def first_seen(self, key: Hashable, now: Moment) -> Moment:
        """Return when a key was first seen, by the clocks as they are believed now.

        The first call for a key is that moment.
        """
        with self._lock:
            known = self._moments.get(key)
            if known is None or not (self.keep_over_steps or known.generation == now.generation):
                known = now
            known = self._moments[key] = clarify(known, now)
            while len(self._moments) > MOMENTS_MAX:
                del self._moments[next(iter(self._moments))]
            return known


class Clocks:
    """Both clocks, and how often one of them stepped. Safe to use from many threads."""

    def __init__(self, read: Callable[[], ClockSample] = read_clocks) -> None:
        self.read = read
        self.steps = 0
        self.generation = 0
        self.sends = Moments(keep_over_steps=False)
        self.keys = Moments(keep_over_steps=True)
        self._track = DateTrack()
        self._sample = read()
        self._lock = threading.Lock()

    def observe(self, date: datetime) -> None:
        """Take in the Date of an answer that has just come."""
        with self._lock:
            now = self._take_sample()
            self._track, step_s = self._track.observe(SeenDate(date, now.boot_s))
            if abs(step_s) > DATE_TOLERANCE_S:
                self._note(ClockStep("provider", step_s))

    def now(self) -> Moment:
        """Return this moment by both clocks; a step since the last call is logged and counted."""
        with self._lock:
            sample = self._take_sample()
            provider = self._track.at(sample.boot_s)
            return Moment(sample.process_s, sample.boot_s, provider, self.generation)

    def boot_s(self) -> float:
        """Return the seconds since the machine's start, also those in which it slept."""
        return self.read().boot_s

    def _take_sample(self) -> ClockSample:
        sample = self.read()
        step = find_step(self._sample, sample)
        self._sample = sample
        if step is not None:
            self._note(step)
        return sample

    def _note(self, step: ClockStep) -> None:
        self.steps += 1
        self.generation += 1
        log.warning("clock_stepped", kind=step.kind, seconds=round(step.seconds))
