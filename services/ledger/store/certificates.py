"""The table `certificate`: every version of every batch's certificate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.ledger import CertificateIssued
from libs.common.database.engine import run
from services.ledger.domain.outcomes import ACKNOWLEDGED, Certificate


@dataclass(frozen=True, slots=True)
class LastCertificate:
    """The newest version of a certificate. `run_begun_at` is None if its run is not in the ledger.

    That happens after a restore: the certificate was issued after the backup, and so was its run.
    """

    version: int
    body: Mapping[str, Any]  # JSON
    run_begun_at: datetime | None


def find_last_certificate(connection: Connection, batch_id: UUID) -> LastCertificate | None:
    """The newest version of a batch's certificate; None if it has none."""
    row = run(
        connection,
        """
        SELECT c.version, c.body, r.begun_at
        FROM certificate c
        LEFT JOIN statement_run r USING (run_id)
        WHERE c.batch_id = :id
        ORDER BY c.version DESC
        LIMIT 1""",
        id=batch_id,
    ).first()
    return LastCertificate(row.version, row.body, row.begun_at) if row else None


def insert_certificates(connection: Connection, certificates: Sequence[Certificate]) -> int:
    """Store versions of certificates. A version that is stored already is left as it is.

    Returns:
        How many were new.
    """
    return int(
        run(
            connection,
            """
            INSERT INTO certificate (
                batch_id, version, run_id,
                outcome, digest, body,
                issued_at
            )
            SELECT
                batch_id, version, run_id,
                body ->> 'outcome', body ->> 'digest', body,
                issued_at
            FROM unnest(
                CAST(:batch_ids AS uuid[]), CAST(:versions AS int[]), CAST(:run_ids AS uuid[]),
                CAST(:bodies AS jsonb[]),
                CAST(:issued_ats AS timestamptz[])
            ) AS given(batch_id, version, run_id, body, issued_at)
            ON CONFLICT DO NOTHING""",
            batch_ids=[str(c.batch_id) for c in certificates],
            versions=[c.version for c in certificates],
            run_ids=[str(c.run_id) for c in certificates],
            bodies=[json.dumps(c.body) for c in certificates],
            issued_ats=[c.issued_at for c in certificates],
        ).rowcount
    )


def find_published_certificates(connection: Connection, first_outbox_id: int) -> list[Certificate]:
    """The certificates in the outbox above an id, in the order in which they were issued."""
    rows = run(
        connection,
        """
        SELECT body
        FROM outbox
        WHERE id > :first_outbox_id
            AND message_type = :type
        ORDER BY id""",
        first_outbox_id=first_outbox_id,
        type=CertificateIssued.name(),
    )
    found = []
    for row in rows:
        event = CertificateIssued.model_validate_json(row.body)
        body = {k: v for k, v in json.loads(row.body).items() if k not in Event.model_fields}
        if not event.acknowledged:
            body.pop(
                ACKNOWLEDGED, None
            )  # the certificate itself, and its digest, have no empty one
        found.append(
            Certificate(event.batch_id, event.version, event.run_id, event.occurred_at, body)
        )
    return found
