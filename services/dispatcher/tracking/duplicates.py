"""The duplicate detector: payments that are alive at the provider where they should not be."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from libs.common.observability.logs import log
from services.dispatcher.domain.clocks import list_from
from services.dispatcher.domain.duplicates import (
    Duplicate,
    Line,
    PaymentSnapshot,
    count_alive,
    find_duplicates,
    name_bound_lines,
    stops_everything,
)
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.domain.statuses import our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, parse_payment
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.store import (
    duplicates,
    flags,
    kill_switch,
    payments,
    source_stops,
    statements,
)
from services.dispatcher.store.payment_changes import Change, apply_changes
from services.dispatcher.store.source_stops import SourceStop
from services.dispatcher.tracking.binding import bind_listed

FASTER = 10  # so many times more often is searched while a second payment is alive
SOURCE_STOPPED = (
    "duplicate_at_provider",
    "A payment from this account is alive twice at the provider. Two people must decide about it.",
)
EVERYTHING_STOPPED = (
    "More than one payment is alive twice at the provider. Nothing is sent until people have found "
    "out why."
)


class DuplicateDetector:
    """Finds payments that are alive twice, and cancels those that can still be cancelled."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing
        self.searched_at = time.monotonic()

    def search(self) -> bool:
        """Search the lists of all open batches, back to their approval, every few minutes.

        Returns False: other work need not wait for it.
        """
        every_s = self.timing.duplicates_every_s
        waited_s = time.monotonic() - self.searched_at
        if waited_s < every_s / FASTER:
            return False
        with self.engine.connect() as connection:
            if waited_s < every_s and not duplicates.is_any_alive(connection):
                return False
            self.searched_at = time.monotonic()
            due = statements.list_duplicate_searches(connection)
        for batch in due:
            try:
                provider_now = self.reader.provider.clocks.now().provider
                begin = list_from(batch.approved_at, batch.from_date, batch.our_now, provider_now)
                for source in batch.sources:
                    params = {"source": source, **since(begin)}
                    lines, _ = self.reader.all("/payments", params)
                    self.resolve(lines, batch.batch_id)
            except Unreachable as error:
                status = error.answer.status
                log.warning(
                    "duplicate_search_cut_short", batch_id=str(batch.batch_id), status=status
                )
                if status is None:
                    break  # nobody answers; the next search begins anew
        return False

    def resolve(self, lines: Sequence[Line], batch_id: UUID) -> None:
        """Bind what the provider lists of a batch, and end duplicates that can be cancelled.

        Where another payment than ours has gone out already, ours is bound to it before anything
        is cancelled. A crash between the two leaves a duplicate that the next search ends, never a
        payment that is called failed while money moves. A line that names no payment counts for
        the one that people have bound to it.
        """
        bind_listed(self.engine, lines, batch_id)
        with self.engine.connect() as connection:
            ours = payments.list_snapshots(connection, batch_id)
        named = name_bound_lines(lines, ours)
        with self.engine.begin() as connection:
            duplicates.write_alive(connection, count_alive(named, ours))
        by_id = {str(line["id"]): line for line in named}
        for duplicate in find_duplicates(named, ours):
            payment_id = duplicate.payment_id
            log.error("duplicate_at_provider", batch_id=str(batch_id), payment_id=payment_id)
            if self._bind(duplicate, ours[payment_id], by_id):
                for provider_id in duplicate.cancel:
                    self._cancel(UUID(payment_id), provider_id)

    def _bind(self, duplicate: Duplicate, ours: PaymentSnapshot, by_id: Mapping[str, Line]) -> bool:
        """Flag a duplicate and bind the payment to the one that stays.

        Returns False, and nothing may be cancelled, if the payment has changed since it was read,
        or if the one that stays is of other money.
        """
        detail = f"alive at the provider: {', '.join(duplicate.alive)}; ours: {ours.provider_id}"
        with self.engine.begin() as connection:
            flags.insert_flag(connection, UUID(duplicate.payment_id), "duplicate", detail)
            if len(duplicate.alive) > 1:
                stop_for_people(connection, duplicate)
            (row,) = payments.lock_with_accounts(connection, [duplicate.payment_id])
            if (row.status, row.provider_id or "") != (ours.status, ours.provider_id):
                return False
            stays = by_id.get(duplicate.bind or ours.provider_id)
            if stays is not None and not is_same_money(stays, row):
                return False
            if stays is None or not duplicate.bind:
                return True
            payment = parse_payment(stays)
            apply_changes(
                connection,
                [
                    Change(
                        row,
                        our_status("pending", payment.status),
                        Evidence("lookup", f"{duplicate.payment_id}/{duplicate.bind}"),
                        provider_id=duplicate.bind,
                        provider_status=payment.status,
                        provider_created_at=payment.created_at,
                        source_trace_id=payment.source_trace_id,
                        destination_trace_id=payment.destination_trace_id,
                        reversal_id=payment.reversal_id,
                        poll_s=0.0,
                    )
                ],
            )
        return True

    def _cancel(self, payment_id: UUID, provider_id: str) -> None:
        answer = self.reader.call("DELETE", f"/payments/{provider_id}")
        detail = f"{provider_id}: {answer.status} {answer.sub_type}"
        with self.engine.begin() as connection:
            flags.insert_flag(connection, payment_id, "duplicate_cancel", detail)


def is_same_money(line: Line, row: Row[Any]) -> bool:
    """Whether a line has the amount and the accounts of our payment."""
    found = (line.get("amount"), line.get("source"), line.get("destination"))
    return found == (row.amount_cents, row.source, row.destination)


def stop_for_people(connection: Connection, duplicate: Duplicate) -> None:
    """Stop the source account of a payment that is alive twice; at the second one everything.

    A second call about the same provider payments changes nothing. Cancelling goes on.
    """
    (row,) = payments.lock_with_accounts(connection, [duplicate.payment_id])
    if not duplicates.record(connection, row, duplicate.alive):
        return
    # The kill switch before the batches, as the gate locks them.
    if stops_everything(duplicates.count_open(connection)):
        kill_switch.engage(connection, True, "dispatcher", EVERYTHING_STOPPED)
    source_stops.stop_sources(connection, [SourceStop(row.account_index, *SOURCE_STOPPED)])
