"""Table `certificate`: the ledger's certificates of ended batches, every version."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import CertificateIssued
from libs.common.database.engine import run

NEWEST_OUTCOMES = """
    SELECT DISTINCT ON (batch_id) batch_id, version, body->>'outcome' AS outcome
    FROM certificate
    ORDER BY batch_id, version DESC"""


def insert_certificate(connection: Connection, event: CertificateIssued) -> bool:
    """Insert a certificate; one that exists changes nothing. True: it is the newest by now."""
    newest = run(
        connection,
        "SELECT max(version) FROM certificate WHERE batch_id = :id",
        id=event.batch_id,
    ).scalar()
    run(
        connection,
        """
        INSERT INTO certificate (batch_id, version, body)
        VALUES (:id, :version, CAST(:body AS jsonb))
        ON CONFLICT DO NOTHING""",
        id=event.batch_id,
        version=event.version,
        body=event.model_dump_json(),
    )
    return newest is None or newest < event.version


def find_newest_certificate(connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
    """Find the newest certificate of a batch."""
    body: dict[str, Any] | None = run(
        connection,
        """
        SELECT body
        FROM certificate
        WHERE batch_id = :id
        ORDER BY version DESC
        LIMIT 1""",
        id=batch_id,
    ).scalar()
    return body


def list_unfinished(connection: Connection) -> list[UUID]:
    """List the batches that their newest certificate has not ended, because of a dead letter."""
    return list(
        run(
            connection,
            f"""
            SELECT b.batch_id
            FROM batch b
            JOIN ({NEWEST_OUTCOMES}) c USING (batch_id)
            WHERE c.version > b.ended_by_version
            ORDER BY b.batch_id""",  # noqa: S608 - our own text
        ).scalars()
    )
