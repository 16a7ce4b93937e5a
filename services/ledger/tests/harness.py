"""Apply events to a ledger as its consumers do, and read the result."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging.consumer import apply_batch
from services.ledger import consumers
from services.ledger.store.digests import DIGESTS
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    BATCH,
    approved,
    batch,
    closed,
    history,
    line,
    payment_id,
)

ENDS = {1: "completed", 2: "failed", 3: "completed", 4: "completed"}
PROVIDER_STATUSES = {"completed": "posted", "failed": "failed", "reversed": "reversed"}


def deliver(engine: Engine, *events: Event) -> None:
    """Apply events in order; neighbours of one topic share a transaction."""
    for topic, group in itertools.groupby(events, lambda e: e.topic):
        with engine.begin() as connection:
            consumers.APPLIES[topic](connection, list(group))


def batch_events(ends: dict[int, str]) -> list[Event]:
    """The batch, its approvals, its changes and a statement of the provider that agrees."""
    changes = [change for number, end in ends.items() for change in history(number, end)]
    lines = [
        line(number, PROVIDER_STATUSES[end], position=n)
        for n, (number, end) in enumerate(
            ((k, v) for k, v in ends.items() if v in PROVIDER_STATUSES), start=1
        )
    ]
    return [batch(), *(approved(n) for n in ends), *changes, *lines, closed(lines, len(changes))]


def rows(engine: Engine, sql: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(run(connection, sql, **values))


def certificates(engine: Engine) -> list[dict[str, Any]]:
    return [row.body for row in rows(engine, "SELECT body FROM certificate ORDER BY version")]


def breaks(engine: Engine) -> list[tuple[str, str]]:
    return [
        (r.kind, r.subject)
        for r in rows(
            engine,
            """
            SELECT kind, subject
            FROM reconciliation_break
            WHERE closed_at IS NULL
            ORDER BY kind, subject""",
        )
    ]


def published(engine: Engine, kind: str) -> list[dict[str, Any]]:
    return [
        json.loads(r.body)
        for r in rows(
            engine, "SELECT body FROM outbox WHERE message_type = :kind ORDER BY id", kind=kind
        )
    ]


def state(engine: Engine) -> dict[str, list[Any]]:
    return {name: rows(engine, query) for name, query in DIGESTS.items()}


def messages(events: Sequence[Event], first: int = 0) -> list[Message]:
    return [
        Message(e.topic.name, 0, n, e.key(), e.type, str(e.event_id), e.body(), e.correlation)
        for n, e in enumerate(events, start=first)
    ]


def consume(engine: Engine, events: Sequence[Event], first: int = 0) -> None:
    topic = events[0].topic
    with engine.begin() as connection:
        run(
            connection,
            "INSERT INTO consumer_offset VALUES (:c, :t, 0, :n) ON CONFLICT DO NOTHING",
            c=topic.name,
            t=topic.name,
            n=first,
        )
        apply_batch(connection, topic.name, messages(events, first), consumers.APPLIES[topic])


def tamper(database: Database, table: str, sql: str) -> None:
    """Change a guarded table, as the owner of the database could with its triggers disabled."""
    with database.owner.begin() as connection:
        run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        run(connection, sql, p=str(payment_id(1)), b=str(BATCH))
        run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")
