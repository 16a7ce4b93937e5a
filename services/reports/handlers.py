"""Messages in, rows of the read model out: one batch of any topic becomes one set of changes. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import (
    CertificateIssued,
    JournalPosted,
    ReconciliationJudged,
)
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.events.rows import RowRead


@dataclass
class Changes:
    """What a batch of messages changes; where only the newest counts, only the newest of the batch is here."""

    batches: dict[UUID, BatchChanged] = field(default_factory=dict)
    rows: dict[UUID, RowRead] = field(default_factory=dict)
    row_messages: Counter[UUID] = field(default_factory=Counter)
    approvals: list[PaymentApproved] = field(default_factory=list)
    statuses: list[PaymentChanged] = field(default_factory=list)
    provider_events: list[ProviderEventReceived] = field(default_factory=list)
    journals: list[JournalPosted] = field(default_factory=list)
    certificates: list[CertificateIssued] = field(default_factory=list)
    judgements: list[ReconciliationJudged] = field(default_factory=list)
    preflights: dict[UUID, PreflightDone] = field(default_factory=dict)
    dispatches: dict[UUID, DispatchChanged] = field(default_factory=dict)


def on_events(events: Sequence[Event]) -> Changes:  # noqa: C901 - one flat list of the kinds of message there are
    """The changes of a batch of messages.

    Raises:
        Reject: a message of a type that reports does not read.
    """
    changes = Changes()
    for event in events:
        match event:
            case RowRead():
                on_row_read(changes, event)
            case PaymentApproved():
                changes.approvals.append(event)
            case PaymentChanged():
                changes.statuses.append(event)
            case ProviderEventReceived():
                changes.provider_events.append(event)
            case JournalPosted():
                changes.journals.append(event)
            case BatchChanged():
                known = changes.batches.get(event.batch_id)
                if known is None or event.version > known.version:
                    changes.batches[event.batch_id] = event
            case PreflightDone():
                earlier = changes.preflights.get(event.batch_id)
                if earlier is None or event.revision > earlier.revision:
                    changes.preflights[event.batch_id] = event
            case DispatchChanged():
                before = changes.dispatches.get(event.batch_id)
                if before is None or event.version > before.version:
                    changes.dispatches[event.batch_id] = event
            case CertificateIssued():
                changes.certificates.append(event)
            case ReconciliationJudged():
                changes.judgements.append(event)
            case _:
                raise Reject(f"reports reads no {event.type}", "reports.unexpected")
    return changes


def on_row_read(changes: Changes, event: RowRead) -> None:
    """Count the message towards its batch, and keep the row if no newer revision of it is in the same batch of messages."""
    changes.row_messages[event.batch_id] += 1
    known = changes.rows.get(event.row_id)
    if known is None or event.revision > known.revision:
        changes.rows[event.row_id] = event
