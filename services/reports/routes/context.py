"""What the routes of reports work with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.web.problem_details import Problem
from services.reports.domain.freshness import Freshness

EXPORTS_MAX = 4  # each holds a connection and a snapshot for as long as its reader takes
ReadLiveView = Callable[[Connection, UUID], dict[str, Any] | None]


@dataclass(frozen=True)
class Context:
    """The parts that the routes need; `app.py` builds them."""

    engine: Engine
    token: str
    cipher: FieldCipher
    certificate_wait_s: float
    read_live_view: ReadLiveView  # a snapshot of a batch; None while the view is not up to date
    read_freshness: Callable[[], Freshness] = lambda: Freshness({}, 0.0, 0.0)
    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(EXPORTS_MAX))

    @contextmanager
    def export_slot(self) -> Iterator[None]:
        """One of the few reports that are written at a time; waits for a free slot.

        Raises:
            Problem: 503, none is free; nothing was written yet.
        """
        if not self.slots.acquire(timeout=self.certificate_wait_s):
            raise Problem(
                503,
                "reports.busy",
                f"{EXPORTS_MAX} reports are being written at the moment.",
                "Try again in a few seconds.",
            )
        try:
            yield
        finally:
            self.slots.release()
