"""Live progress of batches, counted in memory from their messages in any order."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.contracts.statuses import FINAL_PAYMENTS, PAYMENT_STATUSES
from services.reports.domain.completeness import Totals
from services.reports.domain.formats import format_instant


@dataclass
class LivePayment:
    """The newest version of a payment that was read, in whatever order the versions arrived."""

    batch_id: UUID
    amount_cents: int = 0
    approved: bool = False
    version: int = 0
    status: str = "unprocessed"


@dataclass
class LiveBatch:
    """What was announced of a batch, and counts that always agree with its payments."""

    batch_version: int = 0
    status: str = ""
    announced: int = 0
    announced_cents: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cents: Counter[str] = field(default_factory=Counter)
    versions: int = 0
    as_of: datetime | None = None
    ended: deque[datetime] = field(default_factory=lambda: deque(maxlen=10_000))

    def advance(self, at: datetime) -> None:
        """Move `as_of` forward; an earlier time changes nothing."""
        self.as_of = at if self.as_of is None else max(self.as_of, at)


class Progress:
    """The newest state of every payment and batch: last writer wins by version.

    It is in memory only and disposable: it is read from the topics again at each start.
    """

    def __init__(self) -> None:
        self.payments: dict[UUID, LivePayment] = {}
        self.batches: dict[UUID, LiveBatch] = {}

    def on_batch(
        self, batch_id: UUID, version: int, status: str, payments: tuple[int, int], at: datetime
    ) -> None:
        """Record a batch; an older version changes nothing. `payments` is (number, cents)."""
        batch = self._batch(batch_id)
        batch.advance(at)
        if version > batch.batch_version:
            batch.batch_version, batch.status = version, status
            batch.announced, batch.announced_cents = payments

    def on_approved(
        self, batch_id: UUID, payment_id: UUID, amount_cents: int, at: datetime
    ) -> None:
        """Count an approved payment under its newest status; a second call changes nothing."""
        self._batch(batch_id).advance(at)
        payment = self.payments.setdefault(payment_id, LivePayment(batch_id))
        if not payment.approved:
            payment.approved, payment.amount_cents = True, amount_cents
            self._count(payment, +1)

    def on_changed(
        self, batch_id: UUID, payment_id: UUID, change: tuple[int, str], at: datetime
    ) -> None:
        """Record a payment's (version, status); an older version changes nothing.

        A payment that is not approved yet is counted when its approval arrives.
        """
        version, status = change
        batch = self._batch(batch_id)
        batch.advance(at)
        payment = self.payments.setdefault(payment_id, LivePayment(batch_id))
        if version <= payment.version:
            return
        if status in FINAL_PAYMENTS and payment.status not in FINAL_PAYMENTS:
            batch.ended.append(at)
        self._count(payment, -1)
        payment.version, payment.status = version, status
        self._count(payment, +1)

    def snapshot(self, batch_id: UUID, now: datetime) -> dict[str, Any]:
        """The batch as the live page shows it; all zero for an unknown one."""
        batch = self.batches.get(batch_id, LiveBatch())
        ended_per_min = sum(at > now - timedelta(minutes=1) for at in batch.ended)
        version = batch.versions + batch.batch_version
        by_status: Totals = {
            status: (batch.counts[status], batch.cents[status]) for status in PAYMENT_STATUSES
        }
        return snapshot_head(
            batch_id, batch.status, version, batch.as_of, ended_per_min
        ) | sum_by_status(by_status, (batch.announced, batch.announced_cents))

    def _batch(self, batch_id: UUID) -> LiveBatch:
        return self.batches.setdefault(batch_id, LiveBatch())

    def _count(self, payment: LivePayment, sign: int) -> None:
        if payment.approved:
            batch = self._batch(payment.batch_id)
            batch.counts[payment.status] += sign
            batch.cents[payment.status] += sign * payment.amount_cents
            batch.versions += sign * (payment.version + 1)


def snapshot_head(
    batch_id: UUID, status: str, version: int, as_of: datetime | None, ended_per_min: int
) -> dict[str, Any]:
    """The first fields of a live snapshot.

    `version` grows with every change, so a reader can drop an older snapshot.
    """
    return {
        "batch_id": str(batch_id),
        "status": status,
        "version": version,
        "as_of": format_instant(as_of) or None,
        "ended_per_min": ended_per_min,
    }


def sum_by_status(by_status: Totals, announced: tuple[int, int]) -> dict[str, dict[str, int]]:
    """`payments` and `payment_amount_cents` by status, with their totals.

    Payments that the batch announced and that have not arrived here yet count as unprocessed:
    as far as this service can see, nothing was done with them.
    """
    missing = [
        max(0, announced[part] - sum(pair[part] for pair in by_status.values())) for part in (0, 1)
    ]
    payments, cents = (
        {status: by_status.get(status, (0, 0))[part] for status in PAYMENT_STATUSES}
        for part in (0, 1)
    )
    payments["unprocessed"] += missing[0]
    cents["unprocessed"] += missing[1]
    return {
        "payments": {"total": sum(payments.values())} | payments,
        "payment_amount_cents": {"total": sum(cents.values())} | cents,
    }
