"""How far another clock is from this machine's, by answers that name a time.

The other clock's time lies somewhere between the question and the answer, so a slow answer is no
difference. One wrong answer is none either: the newest three must agree.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CLOCK_MAX_S = 2.0
ANSWERS_NEEDED = 3


@dataclass
class ClockComparison:
    """Compares one other clock with ours. Safe to use from many threads.

    Args:
        whose: for people, as "the database".
        precision_s: the other clock's times are cut to so many seconds.
    """

    whose: str
    precision_s: float = 0.0
    _ahead_s: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=ANSWERS_NEEDED))
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def note(self, there: datetime, asked_at: datetime, answered_at: datetime) -> None:
        """Take in an answer; the moments are of our clock."""
        ahead_s = seconds_ahead(there, asked_at, answered_at, self.precision_s)
        with self._lock:
            self._ahead_s.append(ahead_s)

    def check(self) -> Mapping[str, str]:
        """The sentence about this clock; nothing while too few answers have come."""
        with self._lock:
            answers = list(self._ahead_s)
        if len(answers) < ANSWERS_NEEDED:
            return {}
        least = min(answers, key=abs)
        agree = all(answer * least > 0 for answer in answers)
        return {f"clock of {self.whose}": clock_sentence(self.whose, least if agree else 0.0)}


def seconds_ahead(
    there: datetime, asked_at: datetime, answered_at: datetime, precision_s: float = 0.0
) -> float:
    """By how many seconds another clock is certainly ahead of ours; below 0: behind."""
    latest = there + timedelta(seconds=precision_s)
    if there > answered_at:
        return (there - answered_at).total_seconds()
    return min(0.0, (latest - asked_at).total_seconds())


def clock_sentence(whose: str, ahead_s: float) -> str:
    """What to do about a difference; "" if it is small."""
    if abs(ahead_s) <= CLOCK_MAX_S:
        return ""
    way = "ahead of" if ahead_s > 0 else "behind"
    return (
        f"The clock of {whose} is {abs(ahead_s):.0f} s {way} this machine's. "
        "Synchronise both (chrony, ntpd)."
    )
