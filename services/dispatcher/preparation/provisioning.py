"""Provisioning: the provider objects a batch needs, and its payments bound to them.

Then the batch begins to be paid, and payments that can never be sent end.
"""

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Engine, Row

from services.dispatcher.domain.merchants import choose_merchant
from services.dispatcher.domain.start import has_begun
from services.dispatcher.handlers import Evidence
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import (
    batch_starts,
    batches,
    merchants,
    object_preparation,
    payment_preparation,
    provider_objects,
    refused_sources,
)
from services.dispatcher.store.payment_changes import Change, apply_changes
from services.dispatcher.store.transaction import prefer_indexes

CHUNK = 2_000
MERCHANT_DAYS = 1
CATCH_UP_EVERY_S = 5.0
CATCH_UP_SHARE = 20  # catching up takes at most one part in so many of the time


class Provisioner:
    """Brings batches from *their rows are here* to *their payments can be sent*.

    Each method returns whether there was work.
    """

    def __init__(
        self, engine: Engine, reader: Reader, approvals: ApprovalProof | None = None
    ) -> None:
        self.engine, self.reader = engine, reader
        self.approvals = approvals or ApprovalProof()
        self.catch_up_at = 0.0

    def read_merchants(self, institutions: Collection[str]) -> None:
        """Read institutions from the provider that were not read in the last day.

        Raises:
            Unreachable: some were not read.
        """
        with self.engine.connect() as connection:
            known = merchants.list_read_since(connection, institutions, MERCHANT_DAYS)
        for institution in sorted(set(institutions) - known):
            page = self.reader.page("/merchants", {"provider_id.plaid": institution})
            merchant_id, reason = choose_merchant(page.lines)
            with self.engine.begin() as connection:
                merchants.upsert_merchant(connection, institution, merchant_id, reason)

    def list_unprepared(self, *, every: bool = False) -> list[Row[Any]]:
        """Return the batches of which payable rows have no objects yet.

        With `every` also batches that have ended.
        """
        with self.engine.connect() as connection:
            return batches.list_unprepared(connection, every=every)

    def insert_objects(self, *, every: bool = False) -> bool:
        """Insert the objects that a chunk of rows of each unprepared batch needs."""
        worked = False
        for batch in self.list_unprepared(every=every):
            try:
                self.read_merchants(batch.institutions)
            except Unreachable:
                continue
            with self.engine.begin() as connection:
                object_preparation.ensure_sources(connection, batch.batch_id)
                found = object_preparation.ensure_people_and_loans(
                    connection, batch.batch_id, CHUNK
                )
                worked = found or worked
        return worked

    def link_payments(self, *, every: bool = False) -> bool:
        """Bind approved payments to the objects made for exactly what was approved.

        With `every` also payments that were sent or have ended, all at once.
        """
        with self.engine.begin() as connection:
            limit = None if every else CHUNK
            return bool(payment_preparation.link_payments(connection, limit, every=every))

    def catch_up(self) -> bool:
        """Release what became ready at the very moment it was linked or inserted, and was missed.

        Every few seconds, and at most for a twentieth of the time.
        """
        began = time.monotonic()
        if began < self.catch_up_at:
            return False
        with self.engine.begin() as connection:
            prefer_indexes(connection)
            provider_objects.release_missed_accounts(connection)
            payment_preparation.mark_ready(connection)
        ended = time.monotonic()
        self.catch_up_at = ended + max(CATCH_UP_EVERY_S, CATCH_UP_SHARE * (ended - began))
        return False

    def start_batches(self) -> bool:
        """Begin to pay batches whose announced rows and payments are all here, with their sum.

        A batch that was resumed begins here again. One whose approval is not proved waits: it is
        neither paid nor given up. So does one whose approved start has not passed; its approval is
        examined before, so that people need not wait for the start to learn of a problem.
        """
        now = self.reader.provider.clocks.now()
        with self.engine.begin() as connection:
            startable = []
            for row in batch_starts.lock_startable(connection):
                begins = has_begun(row.start_at, row.our_now, now)
                if self.approvals.is_proved(connection, row, begins=begins) and begins:
                    startable.append(row)
            for row in startable:
                by = row.state_by or "dispatcher"
                batches.change_state(connection, row.batch_id, "paying", by, row.state_reason)
        return bool(startable)

    def end_unpayable(self) -> bool:
        """End payments that can never be sent, and note sources that the provider refused.

        They fail if the provider refused the loan or person, and are cancelled with their batch.
        The evidence is that no payment was posted.
        """
        with self.engine.begin() as connection:
            prefer_indexes(connection)
            failing = [
                *payment_preparation.lock_refused(connection, CHUNK),
                *payment_preparation.lock_without_merchant(connection, CHUNK),
            ]
            apply_changes(connection, [failed(row) for row in failing])
            cancelling = payment_preparation.lock_of_cancelled_batches(connection, CHUNK)
            apply_changes(connection, [cancelled(row) for row in cancelling])
            note_refused_sources(connection)
        return bool(failing or cancelling)


def note_refused_sources(connection: Connection) -> None:
    """Note which source accounts of batches being paid the provider refuses, and publish it.

    Only the batch that has the refused EIN and account waits. It goes on by itself once they can
    be used.
    """
    for batch_id in refused_sources.update(connection):
        batches.announce(connection, batch_id)


def failed(row: Row[Any]) -> Change:
    """Return the change of a payment whose holder, account or merchant the provider refused."""
    return Change(
        row,
        "failed",
        Evidence("preparation", f"{row.payment_id}"),
        reason_code=row.why_code,
        reason=row.why,
    )


def cancelled(row: Row[Any]) -> Change:
    """Return the change of an unsent payment whose batch was cancelled."""
    return Change(
        row,
        "cancelled",
        Evidence("person", f"cancel/{row.batch_id}", row.state_by),
        reason_code="cancelled",
        reason=row.state_reason or "The rest of the batch was cancelled.",
    )
