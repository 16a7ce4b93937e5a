"""The table `notification_event`: what was noticed, each event once by its natural key."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.gateway.domain.notifications import Event


def insert_event(connection: Connection, event: Event, people: Sequence[str]) -> bool:
    """Note an event and, in the same transaction, a delivery for each channel that wants it.

    A second call with the same natural key does nothing and returns False.

    Args:
        people: who may be told; nobody: it is only noted.
    """
    event_id = str(uuid4())
    kind, subject, occurrence = event.key
    added = run(
        connection,
        """
        INSERT INTO notification_event (event_id, kind, subject, occurrence, figures, path)
        VALUES (:event_id, :kind, :subject, :occurrence, CAST(:figures AS jsonb), :path)
        ON CONFLICT (kind, subject, occurrence) DO NOTHING
        RETURNING 1""",
        event_id=event_id,
        kind=kind,
        subject=subject,
        occurrence=occurrence,
        figures=json.dumps(dict(event.figures)),
        path=event.path,
    ).first()
    if added is None:
        return False
    run(
        connection,
        """
        INSERT INTO notification_delivery (delivery_id, event_id, channel_id)
        SELECT gen_random_uuid(), :event_id, c.channel_id
        FROM notification_channel c
        JOIN notification_choice o USING (channel_id)
        WHERE o.kind = :kind
          AND c.removed_at IS NULL
          AND c.person = ANY(CAST(:people AS text[]))
        ON CONFLICT (event_id, channel_id) DO NOTHING""",
        event_id=event_id,
        kind=kind,
        people=list(people),
    )
    return True


def first_noticed(
    connection: Connection, kind: str, subjects: Sequence[str]
) -> dict[str, datetime]:
    """When the first event of this kind was noticed, by subject; only of these subjects."""
    rows = run(
        connection,
        """
        SELECT subject, min(noticed_at) AS noticed_at
        FROM notification_event
        WHERE kind = :kind
          AND subject = ANY(CAST(:subjects AS text[]))
        GROUP BY subject""",
        kind=kind,
        subjects=list(subjects),
    )
    return {row.subject: row.noticed_at for row in rows}
