"""Table `hint`: webhooks about payments whose own answer has not been recorded yet."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from libs.common.database.engine import run


def record_hints(connection: Connection, events: Mapping[str, str]) -> None:
    """Have payments read now because a webhook came; keep hints to payments not known yet.

    A second call changes nothing. Cancelled payments are not read.

    Args:
        events: the provider's event id by the provider's id of what it is about.
    """
    run(
        connection,
        """
        WITH given AS (
            SELECT *
            FROM unnest(CAST(:ids AS text[]), CAST(:events AS text[]))
                AS g(provider_id, provider_event)
        ),
        known AS (
            UPDATE payment p
            SET poll_due_at = least(poll_due_at, now()), hint = given.provider_event
            FROM given
            WHERE p.provider_id = given.provider_id AND p.status <> 'cancelled'
            RETURNING p.provider_id
        )
        INSERT INTO hint (provider_id, provider_event)
        SELECT provider_id, provider_event
        FROM given
        WHERE provider_id LIKE 'pmt%'
            AND provider_id NOT IN (SELECT provider_id FROM known)
        ON CONFLICT DO NOTHING""",
        ids=list(events),
        events=list(events.values()),
    )


def use_early_hints(connection: Connection, provider_ids: Sequence[str]) -> None:
    """Have payments read now whose webhook came before their answer. A second call finds none."""
    if not provider_ids:
        return
    run(
        connection,
        """
        WITH early AS (
            DELETE FROM hint
            WHERE provider_id = ANY(CAST(:ids AS text[]))
            RETURNING provider_id, provider_event
        )
        UPDATE payment p
        SET poll_due_at = now(), hint = early.provider_event
        FROM early
        WHERE p.provider_id = early.provider_id""",
        ids=list(provider_ids),
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
            SELECT provider_id
            FROM hint
            WHERE at BETWEEN now() - interval '7 days' AND now() - interval '15 minutes'
            ORDER BY at DESC
            LIMIT 100""",
        ).scalars()
    )
