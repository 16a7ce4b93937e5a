"""Table `hint`: webhooks about payments, each until the payment has been read."""

from collections.abc import Mapping

from sqlalchemy import Connection

from libs.common.database.engine import run

#: Younger hints make a payment due. After that its own date does: webhooks that name nothing of
#: ours stay in the table, and must not be looked through on every turn.
FRESH_HOURS = 1


def record_hints(connection: Connection, events: Mapping[str, str]) -> None:
    """Have payments read now because a webhook came, also one that comes before its answer.

    Only the newest webhook of a payment is kept. A second call changes nothing. A payment without
    a date of its own gets one: a webhook counts for an hour only, and a service that is being
    restored, or a provider that is away, may take longer.

    Args:
        events: the provider's event id by the provider's id of what it is about.
    """
    run(
        connection,
        """
        WITH undated AS (
            SELECT payment_id
            FROM payment
            WHERE provider_id = ANY(CAST(:ids AS text[]))
                AND poll_due_at = 'infinity'
                AND status <> 'cancelled'
            FOR UPDATE SKIP LOCKED -- who has it is about to give it a date
        ),
        dated AS (
            UPDATE payment p
            SET poll_due_at = now()
            FROM undated
            WHERE p.payment_id = undated.payment_id
        )
        INSERT INTO hint (provider_id, provider_event)
        SELECT *
        FROM unnest(CAST(:ids AS text[]), CAST(:events AS text[]))
            AS g(provider_id, provider_event)
        WHERE provider_id LIKE 'pmt%'
        ORDER BY provider_id
        ON CONFLICT (provider_id) DO UPDATE
        SET provider_event = excluded.provider_event, at = now()""",
        ids=list(events),
        events=list(events.values()),
    )


def delete_answered(connection: Connection, events: Mapping[str, str]) -> None:
    """Delete hints that a reading has answered. A newer webhook of the same payment stays.

    Args:
        events: the provider's event id by the provider's id of the payment that was read.
    """
    if not events:
        return
    run(
        connection,
        """
        DELETE FROM hint
        WHERE provider_id IN (
            SELECT h.provider_id
            FROM hint h
            JOIN unnest(CAST(:ids AS text[]), CAST(:events AS text[]))
                AS g(provider_id, provider_event) USING (provider_id, provider_event)
            ORDER BY h.provider_id
            FOR UPDATE OF h SKIP LOCKED
        )""",
        ids=list(events),
        events=list(events.values()),
    )


def list_unknown(connection: Connection) -> list[str]:
    """Return the payments, at most 100, that webhooks named and that are not ours.

    Only of the last seven days, and without the last quarter of an hour: a webhook may come before
    the answer that tells us the payment's id.
    """
    return list(
        run(
            connection,
            """
            SELECT h.provider_id
            FROM hint h
            WHERE h.at BETWEEN now() - interval '7 days' AND now() - interval '15 minutes'
                AND NOT EXISTS (SELECT FROM payment p WHERE p.provider_id = h.provider_id)
            ORDER BY h.at DESC
            LIMIT 100""",
        ).scalars()
    )
