"""Our own events in the outbox, read back: what this service has published of payments and batches.

Only after a restore does the outbox know more than the other tables: the service's own messages
are recovered from the topics first. They lie above the outbox id `first`.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.events.provider import StatementLine
from libs.common.contracts.statuses import PAID_ELSEWHERE
from libs.common.database.engine import run
from services.dispatcher.handlers import payment_changed_id

# The newest event of each payment (or of those with `ids`) above `first`.
NEWEST_OF_PAYMENTS = """
    SELECT DISTINCT ON (o.message_key)
           CAST(o.message_key AS uuid) AS payment_id,
           CAST(j.event ->> 'version' AS int) AS version,
           j.event
    FROM outbox o
    CROSS JOIN LATERAL (SELECT CAST(o.body AS jsonb) AS event) j
    WHERE o.id > :first
        AND o.message_type = :type
        AND (CAST(:ids AS text[]) IS NULL OR o.message_key = ANY(CAST(:ids AS text[])))
    ORDER BY o.message_key, CAST(j.event ->> 'version' AS int) DESC"""


def find_first_recovered(connection: Connection) -> int:
    """Return the outbox id above which everything lies that was ever recovered."""
    first: int = run(
        connection, "SELECT coalesce(min(first_outbox_id), 0) FROM restored"
    ).scalar_one()
    return first


def list_published(connection: Connection, payment_ids: Collection[UUID]) -> list[UUID]:
    """Return those of the payments about which an event was published."""
    first_events = {str(payment_changed_id(i, 1)): i for i in payment_ids}
    known = run(
        connection,
        """
        SELECT CAST(event_id AS text)
        FROM outbox
        WHERE event_id = ANY(CAST(:ids AS uuid[]))""",
        ids=list(first_events),
    ).scalars()
    return [first_events[event_id] for event_id in known]


def list_ended_unpaid(connection: Connection, payment_ids: Collection[UUID]) -> list[str]:
    """Return those of the payments, as text, that were published as failed or cancelled.

    Without those that were paid by other means: their rows are never paid again.
    """
    if not payment_ids:
        return []
    return list(
        run(
            connection,
            f"""
            SELECT CAST(s.payment_id AS text)
            FROM ({NEWEST_OF_PAYMENTS}) s
            WHERE s.event ->> 'status' IN ('failed', 'cancelled')
                AND s.event ->> 'reason_code' <> :elsewhere""",  # noqa: S608 - our own text
            elsewhere=PAID_ELSEWHERE,
            first=find_first_recovered(connection),
            type=PaymentChanged.name(),
            ids=[str(i) for i in payment_ids],
        ).scalars()
    )


def collect_behind(connection: Connection, first: int, only: Collection[UUID] | None) -> None:
    """Collect the payments (or `only` these) that are older here than published.

    They lie in a temporary table until the end of the transaction. Their provider payments are
    released at once, because two of them may have exchanged theirs. A second call replaces it.
    """
    run(connection, "DROP TABLE IF EXISTS behind")
    run(
        connection,
        f"""
        CREATE TEMP TABLE behind ON COMMIT DROP AS
        SELECT s.payment_id, s.event
        FROM ({NEWEST_OF_PAYMENTS}) s
        JOIN payment p USING (payment_id)
        WHERE p.version < s.version""",  # noqa: S608 - our own text
        first=first,
        type=PaymentChanged.name(),
        ids=None if only is None else [str(i) for i in only],
    )
    run(
        connection,
        """
        UPDATE payment p
        SET provider_id = NULL
        FROM behind s
        WHERE p.payment_id = s.payment_id""",
    )


def lock_behind(connection: Connection, after: UUID | None, limit: int) -> list[Row[Any]]:
    """Lock the next of the collected payments, by their ids, each with its newest `event`."""
    return list(
        run(
            connection,
            """
            SELECT p.*, s.event
            FROM behind s
            JOIN payment p USING (payment_id)
            WHERE CAST(:after AS uuid) IS NULL OR s.payment_id > CAST(:after AS uuid)
            ORDER BY s.payment_id
            LIMIT :limit
            FOR UPDATE OF p""",
            after=after,
            limit=limit,
        )
    )


def list_newest_states(connection: Connection, first: int) -> list[DispatchChanged]:
    """Return the newest published state of each batch."""
    events = run(
        connection,
        """
        SELECT DISTINCT ON (o.message_key) j.event
        FROM outbox o
        CROSS JOIN LATERAL (SELECT CAST(o.body AS jsonb) AS event) j
        WHERE o.id > :first AND o.message_type = :type
        ORDER BY o.message_key, CAST(j.event ->> 'version' AS int) DESC""",
        first=first,
        type=DispatchChanged.name(),
    )
    return [DispatchChanged.model_validate(event) for event in events.scalars()]


def list_preflights(connection: Connection, first: int) -> list[tuple[UUID, int]]:
    """Return the newest revision of each batch whose preflight was published."""
    rows = run(
        connection,
        """
        SELECT CAST(message_key AS uuid) AS batch_id,
               max(CAST(CAST(body AS jsonb) ->> 'revision' AS int)) AS revision
        FROM outbox
        WHERE id > :first AND message_type = :type
        GROUP BY message_key""",
        first=first,
        type=PreflightDone.name(),
    )
    return [(row.batch_id, row.revision) for row in rows]


def list_statement_runs(connection: Connection, first: int) -> list[Row[Any]]:
    """Return the run ids (as text) of each batch's published statements, and its known number."""
    return list(
        run(
            connection,
            """
            SELECT b.batch_id, b.statement_n, array_agg(DISTINCT o.message_key) AS runs
            FROM outbox o
            JOIN batch b ON CAST(b.batch_id AS text) = o.correlation
            WHERE o.id > :first AND o.topic = :topic
            GROUP BY b.batch_id, b.statement_n""",
            first=first,
            topic=StatementLine.topic.name,
        )
    )
