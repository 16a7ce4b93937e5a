"""Which reads of personal data are recorded, and how often.

A person who pages through a table makes hundreds of equal calls. One line for ten minutes of them
says as much. An export leaves the system, so each one is recorded. What was recorded lately is in
this process's memory: after a restart, and in a second gateway, one more line is written.
"""

import time
from collections.abc import Callable
from typing import Final

#: Reads of names, employee ids, loans or values of the file; after `/api/v1`.
PERSONAL_READS: Final = frozenset(
    {
        "/batches/{batch_id}/rows",
        "/batches/{batch_id}/issues",
        "/batches/{batch_id}/payments",
        "/batches/{batch_id}/changes",
        "/batches/{batch_id}/decisions",
        "/holds",
        "/payments/{payment_id}",
        "/search",
        "/employees",
        "/employees/{person_id}",
        "/loans/{loan_id}",
        "/finance/reports/{report_id}/lines",
    }
)
EXPORTS: Final = frozenset(
    {
        "/batches/{batch_id}/reports/{name}",
        "/batches/{batch_id}/refused-rows.xml",
        "/finance/reports/{report_id}/{name}",
        "/finance/exports/{export_id}/{name}",
        "/payments/{payment_id}/evidence/{evidence_id}",
    }
)
REPEAT_S = 600.0
READS_MAX = 10_000


class RecentReads:
    """The reads recorded in the last ten minutes. Not for use from several threads."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, reads_max: int = READS_MAX
    ) -> None:
        self.clock, self.reads_max = clock, reads_max
        # read -> when it was recorded. The one recorded last is last.
        self._recorded: dict[tuple[str, ...], float] = {}

    def must_record(self, method: str, template: str, read: tuple[str, ...]) -> bool:
        """Whether a call is to be recorded as a read of personal data.

        Args:
            template: the route's path without its prefix.
            read: what makes it the same read: person, session or token, address, path.
        """
        if method != "GET" or template not in PERSONAL_READS | EXPORTS:
            return False
        return template in EXPORTS or self._is_new(read)

    def recorded(self, read: tuple[str, ...]) -> None:
        """Remember a read that has been recorded."""
        self._recorded.pop(read, None)
        self._recorded[read] = self.clock()
        if len(self._recorded) > self.reads_max:
            del self._recorded[next(iter(self._recorded))]

    def _is_new(self, read: tuple[str, ...]) -> bool:
        at = self._recorded.get(read)
        return at is None or self.clock() - at >= REPEAT_S
