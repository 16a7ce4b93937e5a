"""What runs when messages arrive: a batch of messages of any topic changes the read model."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.topics import TOPICS
from services.reports.handlers import Changes, on_events
from services.reports.store import (
    batches,
    certificates,
    journals,
    payments,
    preparation,
    provider_events,
    rows,
    statuses,
)

TOPICS_READ = tuple(topic for topic in TOPICS if "reports" in topic.consumers)


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Record a batch of messages of any topic; every consumer of reports applies this function.

    Raises:
        Reject: a message of a type that reports does not read.
    """
    record(connection, on_events(events))


def record(connection: Connection, changes: Changes) -> None:
    """Write a set of changes, each table in one statement.

    A second call with the same changes writes nothing, except that it counts row messages again:
    the inbox lets each message in once.
    """
    batches.upsert_batches(connection, changes.batches.values())
    rows.upsert_rows(connection, changes.rows.values())
    rows.count_messages(connection, changes.row_messages)
    payments.record_approvals(connection, changes.approvals)
    statuses.record_statuses(connection, changes.statuses)
    provider_events.insert_provider_events(connection, changes.provider_events)
    journals.insert_journals(connection, changes.journals)
    certificates.insert_certificates(connection, changes.certificates)
    certificates.insert_judgements(connection, changes.judgements)
    preparation.upsert_preflights(connection, changes.preflights.values())
    preparation.upsert_dispatches(connection, changes.dispatches.values())
