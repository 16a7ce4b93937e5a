"""Turns: a loop that would do its work one by one does more at once, and rarely makes it wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Turns:
    """Under load a turn begins `every_s` after the end of the last one, with what came meanwhile.

    The first work after a pause never waits. So an idle system answers at once, and a busy one
    makes fewer and larger transactions. Nothing is lost by waiting: what waits is not acknowledged.
    """

    every_s: float
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    next_at: float = 0.0

    def wait(self) -> None:
        """Wait until the next turn may begin; at most `every_s`."""
        left_s = self.next_at - self.now_s()
        if left_s > 0:
            self.sleep(left_s)

    def end(self, *, is_full: bool) -> None:
        """Note that a turn with work ends now. After one that was full nothing waits."""
        self.next_at = 0.0 if is_full else self.now_s() + self.every_s
