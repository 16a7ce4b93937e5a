"""Table `mended_merchant`: merchants that people chose for an institution of one batch.

A choice counts for rows and payments that were approved with it, and for no others.
"""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run


def replace_mended(connection: Connection, event: BatchChanged) -> None:
    """Make the choices of a batch those of its newest version. A second call changes nothing.

    Amendments that were taken back stay in the message, so without any nothing was ever chosen.
    """
    if not event.amendments:
        return
    mended = {
        one.details.institution_id: one.details.merchant_id
        for one in event.amendments
        if one.act == "mend" and one.withdrawn_by is None and one.details.merchant_id
    }
    run(
        connection,
        """
        DELETE FROM mended_merchant
        WHERE batch_id = :id AND institution_id <> ALL(CAST(:institutions AS text[]))""",
        id=event.batch_id,
        institutions=list(mended),
    )
    if mended:
        run(
            connection,
            """
            INSERT INTO mended_merchant (batch_id, institution_id, merchant_id)
            SELECT :id, n.institution_id, n.merchant_id
            FROM unnest(CAST(:institutions AS text[]), CAST(:merchants AS text[]))
                AS n(institution_id, merchant_id)
            ON CONFLICT (batch_id, institution_id) DO UPDATE
            SET merchant_id = excluded.merchant_id""",
            id=event.batch_id,
            institutions=list(mended),
            merchants=list(mended.values()),
        )


def list_mended(connection: Connection, batch_id: UUID) -> dict[str, str]:
    """Return the chosen merchant of each mended institution of a batch."""
    found = run(
        connection,
        """
        SELECT institution_id, merchant_id
        FROM mended_merchant
        WHERE batch_id = :id
        ORDER BY institution_id""",
        id=batch_id,
    )
    return {row.institution_id: row.merchant_id for row in found}
