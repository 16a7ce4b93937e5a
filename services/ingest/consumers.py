"""What runs when messages arrive: preflights and states of the dispatcher, postings of the ledger.

Each function applies a run of messages in the consumer's transaction.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.ledger import CertificateIssued
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from services.ingest import handlers, housekeeping
from services.ingest.domain.batch import RUNNING
from services.ingest.domain.errors import UnknownBatch
from services.ingest.store import (
    batches,
    certificates,
    claims,
    inclusions,
    payments,
    preflights,
    published_events,
)


def apply_preparation(connection: Connection, events: Sequence[Event]) -> None:
    """Apply messages of the dispatcher: the preflights of batches, and how far it has paid them.

    Raises:
        UnknownBatch: a batch does not exist here; roll back.
    """
    preflights.insert_preflights(
        connection, [event for event in events if isinstance(event, PreflightDone)]
    )
    now = datetime.now(UTC)
    for change in handlers.on_dispatch_changed(
        event for event in events if isinstance(event, DispatchChanged)
    ):
        _follow_dispatch(connection, change, now)


def _follow_dispatch(connection: Connection, change: DispatchChanged, now: datetime) -> None:
    """Follow the dispatcher's state; an older one, or one of an ended batch, changes nothing."""
    batch = batches.find_batch(connection, change.batch_id, lock=True)
    if batch is None:
        raise UnknownBatch(f"There is no batch {change.batch_id} here.")
    if batch.dispatch_version < change.version and batches.set_status(
        connection, batch.batch_id, change.state, RUNNING, change.reason
    ):
        batches.set_dispatch_version(connection, batch.batch_id, change.version)
        published_events.publish_batch(connection, batch.batch_id, now)


def apply_postings(connection: Connection, events: Sequence[Event]) -> None:
    """Apply messages of the ledger: payments that ended release their rows and claims; a
    certificate ends its batch.

    Raises:
        UnknownBatch: a payment or a batch was never approved here; roll back.
    """
    postings = handlers.on_postings(events)
    unpaid = payments.end_payments(connection, postings.ended)
    if payments.release_rows(connection, unpaid):
        claims.release_claims(connection, unpaid)
        inclusions.release_inclusions(connection, unpaid)
    for certificate in postings.certificates:
        _certify(connection, certificate, datetime.now(UTC))


def _certify(connection: Connection, certificate: CertificateIssued, now: datetime) -> None:
    """End a batch as its certificate says, also one that is archived or ended otherwise before.

    An older certificate, or the same again, changes nothing.
    """
    batch = batches.find_batch(connection, certificate.batch_id, lock=True)
    if batch is None or batch.approved_at is None:
        raise UnknownBatch(f"No batch {certificate.batch_id} was approved here.")
    if certificates.insert_certificate(connection, certificate):
        housekeeping.complete_batches(connection, [batch.batch_id], now)
