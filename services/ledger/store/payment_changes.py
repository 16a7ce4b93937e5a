"""The table `payment_change`: every applied version of every payment."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.database.engine import run
from services.ledger.handlers import content_digest


def insert_changes(connection: Connection, changes: Sequence[PaymentChanged]) -> None:
    """Store applied changes.

    A second call for the same version raises IntegrityError: the caller plans by the applied
    versions (`payments.find_applied_versions`), so this is a bug.
    """
    run(
        connection,
        """
        INSERT INTO payment_change (payment_id, version, status, content, occurred_at)
        SELECT *
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:statuses AS text[]),
            CAST(:digests AS text[]), CAST(:occurred_ats AS timestamptz[])
        )""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
        statuses=[c.status for c in changes],
        digests=[content_digest(c) for c in changes],
        occurred_ats=[c.occurred_at for c in changes],
    )


def find_applied_digests(
    connection: Connection, changes: Sequence[PaymentChanged]
) -> dict[tuple[UUID, int], str]:
    """The content digests of those of these versions that were applied before."""
    rows = run(
        connection,
        """
        SELECT c.payment_id, c.version, c.content
        FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS given(payment_id, version)
        JOIN payment_change c USING (payment_id, version)""",
        ids=[str(c.payment_id) for c in changes],
        versions=[c.version for c in changes],
    )
    return {(row.payment_id, row.version): row.content for row in rows}
