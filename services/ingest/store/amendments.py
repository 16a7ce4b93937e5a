"""Tables `amendment` and `amendment_row`: what people settled about rows before the approval.

A row has at most one amendment of each act that stands (index `amendment_row_standing`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest.domain import decision_messages
from services.ingest.domain.amendment import AmendedRow, Amendment
from services.ingest.domain.decision import Mend
from services.ingest.store import withdrawals

_AMENDMENTS: Final = """
    SELECT a.decision_id, a.batch_id, a.act, a.target, a.change, a.details, a.reason, a.evidence,
        a.seen_digest,
        ARRAY(
            SELECT json_build_array(r.file_row, r.known, r.about)
            FROM amendment_row r
            WHERE r.decision_id = a.decision_id AND r.standing
            ORDER BY r.file_row) AS amended,
        a.rows, a.amount_cents, a.decided_by, a.decided_at, a.withdrawn_by, a.withdrawn_at
    FROM amendment a"""


def insert_amendment(connection: Connection, amendment: Amendment) -> None:
    """Insert an amendment and its rows. Who decided can no longer approve the batch."""
    run(
        connection,
        """
        INSERT INTO amendment (
            decision_id, batch_id, act, target, change, details, reason, evidence, seen_digest,
            rows, amount_cents, decided_by, decided_at, withdrawn_by, withdrawn_at)
        VALUES (:decision_id, :batch_id, :act, :target, :change, CAST(:details AS jsonb), :reason,
            :evidence, :seen_digest, :rows, :amount_cents, :decided_by, :decided_at,
            :withdrawn_by, :withdrawn_at)""",
        decision_id=amendment.decision_id,
        batch_id=amendment.batch_id,
        act=amendment.act,
        target=amendment.target,
        change=amendment.change,
        details=json.dumps(dict(amendment.details)),
        reason=amendment.reason,
        evidence=amendment.evidence,
        seen_digest=amendment.seen_digest,
        rows=amendment.rows,
        amount_cents=amendment.amount_cents,
        decided_by=amendment.decided_by,
        decided_at=amendment.decided_at,
        withdrawn_by=amendment.withdrawn_by,
        withdrawn_at=amendment.withdrawn_at,
    )
    run(
        connection,
        """
        INSERT INTO amendment_row (decision_id, batch_id, act, file_row, known, about)
        SELECT :decision_id, :batch_id, :act, n.file_row, n.known, n.about
        FROM unnest(
            CAST(:file_rows AS int[]), CAST(:known AS text[]), CAST(:about AS text[])
        ) AS n(file_row, known, about)""",
        decision_id=amendment.decision_id,
        batch_id=amendment.batch_id,
        act=amendment.act,
        file_rows=[one.file_row for one in amendment.amended],
        known=[one.known for one in amendment.amended],
        about=[one.about for one in amendment.amended],
    )


def find_amendment(connection: Connection, batch_id: UUID, decision_id: UUID) -> Amendment | None:
    """Find an amendment of a batch."""
    row = (
        run(
            connection,
            f"{_AMENDMENTS} WHERE a.batch_id = :id AND a.decision_id = :decision",
            id=batch_id,
            decision=decision_id,
        )
        .mappings()
        .first()
    )
    return None if row is None else _to_amendment(row)


def list_amendments(connection: Connection, batch_id: UUID) -> list[Amendment]:
    """List all amendments of a batch, also those taken back, in the order they were made."""
    found = run(
        connection,
        f"{_AMENDMENTS} WHERE a.batch_id = :id ORDER BY a.decided_at, a.decision_id",
        id=batch_id,
    )
    return [_to_amendment(row) for row in found.mappings()]


def list_standing(connection: Connection, batch_id: UUID) -> list[Amendment]:
    """List the amendments of a batch that stand."""
    return [one for one in list_amendments(connection, batch_id) if one.withdrawn_by is None]


def find_mended_rows(connection: Connection, batch_id: UUID, mend: Mend) -> Sequence[Any]:
    """Find the rows, not refused, that a missing value is of, and whether it is mended already.

    Columns: file_row, status, reason_code, amount_cents, is_mended.
    """
    column = "institution_id" if mend.institution_id else "source_account_id"
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.file_row, r.status, r.reason_code, r.amount_cents,
            EXISTS (
                SELECT
                FROM amendment_row a
                WHERE a.batch_id = r.batch_id AND a.file_row = r.file_row AND a.act = 'mend'
                    AND a.about = :about AND a.standing) AS is_mended
        FROM batch_row r
        WHERE r.batch_id = :id AND r.{column} = :key AND r.status <> 'refused'
        ORDER BY r.file_row""",  # noqa: S608 - one of two column names
        id=batch_id,
        key=mend.institution_id or mend.source_account_id,
        about=mend.about,
    ).all()
    return found


def _to_amendment(row: Mapping[Any, Any]) -> Amendment:
    return Amendment(**{**row, "amended": tuple(AmendedRow(*one) for one in row["amended"])})


def recover_amendments(
    connection: Connection, newest: BatchChanged, person: str, now: datetime
) -> None:
    """Make the amendments of a batch those that were published (`withdrawals.recover`).

    Args:
        person: who takes back those that were lost, in the records.
    """
    here = list_amendments(connection, newest.batch_id)
    published = decision_messages.published_amendments(newest)
    withdrawals.recover(connection, here, published, insert_amendment, (person, now))
