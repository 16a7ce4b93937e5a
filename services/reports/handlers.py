"""What a batch of messages changes in the read model, without writing it. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import (
    BreakAcknowledged,
    CertificateIssued,
    JournalPosted,
    ReconciliationJudged,
)
from libs.common.contracts.events.payments import PaymentApproved, PaymentChanged
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.events.rows import RowRead

E = TypeVar("E", bound=Event)


@dataclass
class Changes:
    """What a batch of messages changes.

    Where only the newest version counts (the dictionaries), only the newest of these messages is
    here. Of a row, every message is counted as well.
    """

    batches: dict[UUID, BatchChanged] = field(default_factory=dict)
    rows: dict[UUID, RowRead] = field(default_factory=dict)
    row_messages: Counter[UUID] = field(default_factory=Counter)  # by batch
    approvals: list[PaymentApproved] = field(default_factory=list)
    statuses: list[PaymentChanged] = field(default_factory=list)
    provider_events: list[ProviderEventReceived] = field(default_factory=list)
    journals: list[JournalPosted] = field(default_factory=list)
    certificates: list[CertificateIssued] = field(default_factory=list)
    judgements: list[ReconciliationJudged] = field(default_factory=list)
    preflights: dict[UUID, PreflightDone] = field(default_factory=dict)
    dispatches: dict[UUID, DispatchChanged] = field(default_factory=dict)


def on_events(events: Sequence[Event]) -> Changes:
    """The changes of a batch of messages.

    Raises:
        Reject: a message of a type that reports does not read.
    """
    changes = Changes()
    for event in events:
        on_event(changes, event)
    return changes


def on_event(changes: Changes, event: Event) -> None:
    """Add one message to the changes.

    Raises:
        Reject: a message of a type that reports does not read.
    """
    match event:
        case RowRead():
            changes.row_messages[event.batch_id] += 1
            _replace_older(changes.rows, event.row_id, event, "revision")
        case PaymentApproved():
            changes.approvals.append(event)
        case PaymentChanged():
            changes.statuses.append(event)
        case ProviderEventReceived():
            changes.provider_events.append(event)
        case JournalPosted():
            changes.journals.append(event)
        case BatchChanged():
            _replace_older(changes.batches, event.batch_id, event, "version")
        case PreflightDone():
            _replace_older(changes.preflights, event.batch_id, event, "revision")
        case DispatchChanged():
            _replace_older(changes.dispatches, event.batch_id, event, "version")
        case CertificateIssued():
            changes.certificates.append(event)
        case ReconciliationJudged():
            changes.judgements.append(event)
        case BreakAcknowledged():
            pass  # the certificate lists what was explained
        case _:
            raise Reject(f"reports reads no {event.type}", "reports.unexpected")


def _replace_older(newest: dict[UUID, E], key: UUID, event: E, version: str) -> None:
    """Put the event into `newest` unless one with the same or a higher `version` is there."""
    known = newest.get(key)
    if known is None or getattr(event, version) > getattr(known, version):
        newest[key] = event
