"""What is wrong, over time: when each finding began and ended, and how often it came."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

ASK_EVERY_S, ANSWER_S = 1.0, 30.0


@dataclass
class Findings:
    """When each finding was there: pairs of its begin and its end (None: it is still there)."""

    spans: dict[str, list[list[float | None]]] = field(default_factory=dict)
    #: How long each look took, in seconds.
    looks_s: list[float] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def note(self, at_s: float, found: Collection[str], unknown: Collection[str] = ()) -> None:
        """Take in one look.

        Args:
            unknown: beginnings of findings of which this look says nothing; they stay as they were.
        """
        silent = tuple(unknown)
        now = set(found) | {one for one in self.known if silent and one.startswith(silent)}
        for one in self.known - now:
            self.spans[one][-1][1] = at_s
        for one in now - self.known:
            self.spans.setdefault(one, []).append([at_s, None])
        self.known = now

    def flapping(self) -> dict[str, int]:
        """The findings that came more than once, with how often."""
        return {one: len(spans) for one, spans in self.spans.items() if len(spans) > 1}

    def lines(self) -> Iterator[str]:
        """Each finding with its times, for people."""
        for one, spans in sorted(self.spans.items()):
            times = ", ".join(
                f"{begin:.0f} to {'the end' if end is None else f'{end:.0f}'} s"
                for begin, end in spans
            )
            yield f"{one}: {times}"


def findings_in(health: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """What /ops/health finds wrong, and the beginnings of findings of which it says nothing."""
    found, unknown = set(), set()
    for service in health["services"]:
        name = service["name"]
        if service["away"]:
            found.add(f"{name} is away")
            unknown.add(f"{name}: ")
            continue
        found |= {f"{name}: {check}" for check, fine in service["checks"].items() if not fine}
        found |= {f"{name}: {sentence}" for sentence in service["world"].values()}
        if service["held"]:
            found.add(f"{name}: {service['held']}")
    return found, unknown


@contextmanager
def watching(ask: Callable[[], httpx.Response]) -> Iterator[Findings]:
    """Look at /ops/health every second, until the block ends.

    Args:
        ask: asks once.
    """
    stop, findings, began = threading.Event(), Findings(), time.monotonic()

    def work() -> None:
        while not stop.wait(ASK_EVERY_S):
            asked = time.monotonic()
            try:
                answer = ask()
                found, unknown = findings_in(answer.raise_for_status().json())
            except httpx.HTTPError:
                found, unknown = {"/ops/health does not answer"}, {""}
            findings.note(time.monotonic() - began, found, unknown)
            findings.looks_s.append(time.monotonic() - asked)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield findings
    finally:
        stop.set()
        thread.join(ANSWER_S + 10)
