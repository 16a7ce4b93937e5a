"""The table `security_event`: deliveries that were not verified, the newest ones."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.webhooks.domain import RejectedDelivery


def insert_security_events(
    connection: Connection, rejected: Sequence[RejectedDelivery], stored_max: int
) -> None:
    """Store rejected deliveries, and delete all but the newest `stored_max`.

    A second call stores them again.
    """
    rows = run(
        connection,
        """
        INSERT INTO security_event (code, remote, body_bytes, body_sha256, received_at)
        SELECT *
        FROM unnest(
            CAST(:codes AS text[]), CAST(:remotes AS text[]),
            CAST(:body_sizes AS int[]), CAST(:body_digests AS text[]),
            CAST(:received_ats AS timestamptz[])
        )
        RETURNING security_event_id""",
        codes=[r.code for r in rejected],
        remotes=[r.remote for r in rejected],
        body_sizes=[r.body_bytes for r in rejected],
        body_digests=[r.body_sha256 for r in rejected],
        received_ats=[r.received_at for r in rejected],
    )
    newest = max(row.security_event_id for row in rows)
    run(
        connection,
        "DELETE FROM security_event WHERE security_event_id <= :deleted_up_to",
        deleted_up_to=newest - stored_max,
    )


def count_forged_alone(connection: Connection) -> int:
    """Deliveries of the last hour with another signature, after the newest that was verified."""
    return int(
        run(
            connection,
            """
            SELECT count(*)
            FROM security_event
            WHERE code = 'webhook.forged'
              AND received_at > now() - interval '1 hour'
              AND received_at > coalesce(
                  (SELECT max(received_at) FROM delivery), '-infinity')""",
        ).scalar_one()
    )
