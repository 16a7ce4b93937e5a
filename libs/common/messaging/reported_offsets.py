"""What a consumer reports to Kafka of its progress: for tools that show lag, so once a second."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from libs.common.contracts.message import Message

#: For each report the broker writes a record. One for each turn took it a tenth of its time.
REPORT_EVERY_S = 1.0


@dataclass
class ReportedOffsets:
    """The next offset of each partition that was not reported yet."""

    now_s: Callable[[], float] = time.monotonic
    unreported: dict[int, int] = field(default_factory=dict)
    due_at_s: float = 0.0

    def note(self, messages: Sequence[Message]) -> None:
        """Note messages that were taken in, in the order of their offsets."""
        self.unreported.update((message.partition, message.offset + 1) for message in messages)

    def take_due(self, *, is_last: bool = False) -> dict[int, int]:
        """What is to be reported now; empty if the last report was less than a second ago.

        Args:
            is_last: the consumer ends, so that nothing waits.
        """
        if not self.unreported or not (is_last or self.now_s() >= self.due_at_s):
            return {}
        due, self.unreported = self.unreported, {}
        self.due_at_s = self.now_s() + REPORT_EVERY_S
        return due
