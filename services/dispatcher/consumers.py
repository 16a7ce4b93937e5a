"""What runs when a message arrives: batches, rows, approved payments and webhooks' hints.

Messages become rows of the database. Nothing is sent here.
"""

from collections import Counter
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.events.rows import RowRead
from services.dispatcher import published_states
from services.dispatcher.store import batch_starts, mended_merchants, published_events, sources
from services.dispatcher.store import batches as batch_store
from services.dispatcher.store import hints as hint_store
from services.dispatcher.store import payments as payment_store
from services.dispatcher.store import rows as row_store


class RowPaidTwice(Reject):
    """A row of an approved payment already has a live payment. Nothing was written."""

    code = "dispatcher.row-paid-twice"


def batches(connection: Connection, events: Sequence[Event]) -> None:
    """Store the newest version of each batch and its sources; older versions change nothing."""
    for event in sorted(cast("Sequence[BatchChanged]", events), key=lambda e: e.version):
        if batch_store.upsert_batch(connection, event):
            sources.upsert_sources(connection, event)
            mended_merchants.replace_mended(connection, event)


def rows(connection: Connection, events: Sequence[Event]) -> None:
    """Store the newest revision of each row, and count the messages of each batch.

    Who reads rows waits until all announced messages have come.
    """
    newest: dict[UUID, RowRead] = {}
    for event in cast("Sequence[RowRead]", events):
        known = newest.get(event.row_id)
        if known is None or known.revision < event.revision:
            newest[event.row_id] = event
    row_store.upsert_rows(connection, newest.values())
    counts = Counter(str(event.batch_id) for event in cast("Sequence[RowRead]", events))
    row_store.count_messages(connection, counts)


def payments(connection: Connection, events: Sequence[Event]) -> None:
    """Store approved payments, unsent. A payment that is here already changes nothing.

    After a restore a payment may come about which this service has published before. It gets the
    state that was published.

    Raises:
        RowPaidTwice: one of its rows has another live payment.
        Reject: its amount is not the sum of its rows, it is here with another amount or loan, or
            its batch has not announced it.
    """
    approved = cast("Sequence[PaymentApproved]", events)
    _check_amounts(approved)
    batch_starts.lock_arriving(connection, {str(event.batch_id) for event in approved})
    new = payment_store.insert_payments(connection, approved)
    published = published_events.list_published(connection, [row.payment_id for row in new])
    unpublished = {row.batch_id for row in new if row.payment_id not in published}
    if batch_store.is_any_paying(connection, unpublished):
        raise Reject(
            "the batch is being paid already: "
            "all payments that its approval announced were here before",
            "dispatcher.not-announced",
        )
    if payment_store.count_stored(connection, approved) != len(approved):
        raise Reject(
            "a payment is here already with another amount, "
            "or another payment of this batch pays the same loan from the same source",
            "dispatcher.payment-conflict",
        )
    _insert_rows(connection, approved, published)
    if published:
        first = published_events.find_first_recovered(connection)
        published_states.catch_up_payments(connection, first, published)


def _check_amounts(approved: Sequence[PaymentApproved]) -> None:
    for event in approved:
        if event.amount_cents != sum(row.amount_cents for row in event.rows):
            raise Reject(
                f"payment {event.payment_id} is not the sum of its rows", "dispatcher.amount"
            )


def _insert_rows(
    connection: Connection, approved: Sequence[PaymentApproved], published: Sequence[UUID]
) -> None:
    """Store which rows the payments pay. Those of payments that ended unpaid are free again."""
    ended = published_events.list_ended_unpaid(connection, published)
    stored = payment_store.insert_rows(connection, approved, ended)
    missing = sum(len(event.rows) for event in approved) - stored
    if missing:
        raise RowPaidTwice(f"{missing} rows of these payments have another live payment")


def hints(connection: Connection, events: Sequence[Event]) -> None:
    """Read payments sooner because of a webhook; what it is about may not be known here yet."""
    newest = {
        e.provider_id: e.provider_event for e in cast("Sequence[ProviderEventReceived]", events)
    }
    hint_store.record_hints(connection, newest)
