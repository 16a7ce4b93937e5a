"""Table `payment_evidence`: evidence for payments, kept as it was made."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run


def insert_evidence(connection: Connection, manifest: Mapping[str, Any], pdf: bytes) -> None:
    """Keep evidence as it was made; one of the same id stays as it is."""
    run(
        connection,
        """
        INSERT INTO payment_evidence (evidence_id, payment_id, made_at, made_by, manifest, pdf)
        VALUES (:evidence_id, :payment_id, :made_at, :made_by, CAST(:manifest AS jsonb), :pdf)
        ON CONFLICT (evidence_id) DO NOTHING""",
        evidence_id=manifest["evidence_id"],
        payment_id=manifest["payment_id"],
        made_at=datetime.fromisoformat(manifest["made_at"]),
        made_by=manifest["made_by"],
        manifest=json.dumps(manifest),
        pdf=pdf,
    )


def find_evidence(connection: Connection, payment_id: UUID, evidence_id: UUID) -> Row[Any] | None:
    """Evidence of a payment: its manifest and its document."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT manifest, pdf
        FROM payment_evidence
        WHERE evidence_id = :evidence_id AND payment_id = :payment_id""",
        evidence_id=evidence_id,
        payment_id=payment_id,
    ).first()
    return found


def list_evidence(connection: Connection, payment_id: UUID, limit: int) -> list[dict[str, Any]]:
    """The manifests of a payment's evidence, newest first."""
    found = run(
        connection,
        """
        SELECT manifest
        FROM payment_evidence
        WHERE payment_id = :payment_id
        ORDER BY made_at DESC, evidence_id
        LIMIT :limit""",
        payment_id=payment_id,
        limit=limit,
    )
    return [row.manifest for row in found]
