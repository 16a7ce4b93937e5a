"""A batch, its statuses, and the ids of its rows and payments."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import sha1
from typing import Any, Final
from uuid import UUID, uuid5

from libs.common.contracts.statuses import UNAPPROVED_BATCHES, BatchStatus

#: Batches of which nothing is paid or can be paid any more. Their file may be uploaded again.
NOT_LIVE: Final = ("rejected", "discarded", "expired", "cancelled")
DISCARDABLE: Final = ("checking", "ready", "rejected")
#: Approved and not ended: the dispatcher moves these.
RUNNING: Final = ("approved", "paying", "paused")
APPROVED: Final = (*RUNNING, "completed", "completed_with_failures", "archived", "cancelled")
UNAPPROVED: Final = tuple(sorted(UNAPPROVED_BATCHES))
ENDED_UNAPPROVED: Final = ("rejected", "discarded", "expired")


@dataclass(frozen=True)
class Batch:
    """One batch as it is stored. Times are aware; `digest` is None before `ready`.

    `contents_digest` is the part of the digest that is not of payments; empty: the digest is of a
    version that did not know its parts.

    `seen_digest` is what the approver saw, if including rows changed the digest.

    `assertion` is the gateway's signature of the approval, as JSON. `start_at` is when an approved
    batch may begin to be paid; None: at once.

    `content_sha256` is that of the file's inflated bytes; None for a child batch of copied rows.

    `period` is the first day of the pay period. `other_period` is that of the period which may have
    been meant instead, until a person has chosen one of the two.

    A batch and all its child batches share the `family_id` of the first one.
    """

    batch_id: UUID
    family_id: UUID
    parent_batch_id: UUID | None
    status: BatchStatus
    filename: str
    period: date
    uploaded_by: str
    uploaded_at: datetime
    version: int = 0
    revision: int = 0
    content_sha256: str | None = None
    digest: str | None = None
    contents_digest: str = ""
    row_messages: int = 0
    reason: str = ""
    error_code: str | None = None
    error_message: str = ""
    error_line: int | None = None
    dispatch_version: int = 0
    approved_by: str | None = None
    approved_at: datetime | None = None
    seen_digest: str | None = None
    assertion: str = ""
    acknowledged: tuple[str, ...] = ()
    one_person: bool = False
    payments: int = 0
    payments_cents: int = 0
    period_end: date | None = None
    other_period: date | None = None
    ready_at: datetime | None = None
    rules_version: int = 0
    start_at: datetime | None = None

    @property
    def last_day(self) -> date:
        """The last day of the pay period; older batches do not say it and have 14 days."""
        return self.period_end or self.period + timedelta(days=13)


def row_id(batch_id: UUID, file_row: int) -> UUID:
    """The id of a row."""
    return uuid5(batch_id, str(file_row))


def payment_id(batch_id: UUID, file_row: int) -> UUID:
    """The id of the payment whose lowest row is `file_row`."""
    return uuid5(batch_id, f"payment-{file_row}")


@dataclass(frozen=True)
class RowIds:
    """The ids of the rows of one batch as text: `row_id` and `payment_id`, in a fifth of the time.

    Written out because `uuid.uuid5` makes an object, and begins with the batch, for each of them.
    """

    batch_id: UUID

    @cached_property
    def _begun(self) -> Any:  # hashlib names no type for it
        return sha1(self.batch_id.bytes, usedforsecurity=False)

    def row_id(self, file_row: int) -> str:
        """The id of a row."""
        return self._text(str(file_row))

    def payment_id(self, file_row: int) -> str:
        """The id of the payment whose lowest row is `file_row`."""
        return self._text(f"payment-{file_row}")

    def _text(self, name: str) -> str:
        digest = self._begun.copy()
        digest.update(name.encode())
        made = digest.hexdigest()
        variant = "89ab"[int(made[16], 16) & 3]
        return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"


def status_words(status: str) -> str:
    """A status as it is written in a sentence."""
    return status.replace("_", " ")
