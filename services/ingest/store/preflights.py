"""Table `preflight`: the provider's answers about the revisions of a batch."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.preparation import PreflightDone
from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import UnknownBatch


def insert_preflights(connection: Connection, events: Sequence[PreflightDone]) -> None:
    """Insert preflights. A second answer to the same revision changes nothing.

    Raises:
        UnknownBatch: a batch does not exist here; roll back.
    """
    for event in events:
        inserted = run(
            connection,
            """
            INSERT INTO preflight (batch_id, revision, body)
            SELECT batch_id, :revision, CAST(:body AS jsonb)
            FROM batch
            WHERE batch_id = :id
            ON CONFLICT (batch_id, revision) DO UPDATE SET body = preflight.body""",
            id=event.batch_id,
            revision=event.revision,
            body=event.model_dump_json(),
        )
        if not inserted.rowcount:
            raise UnknownBatch(f"There is no batch {event.batch_id} here.")


def get_preflight(connection: Connection, batch: Batch) -> PreflightDone:
    """The preflight of the batch's revision, which has arrived."""
    body = run(
        connection,
        """
        SELECT body
        FROM preflight
        WHERE batch_id = :id AND revision = :revision""",
        id=batch.batch_id,
        revision=batch.revision,
    ).scalar_one()
    return PreflightDone.model_validate_json(json.dumps(body))
