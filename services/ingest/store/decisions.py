"""Tables `decision` and `decision_row`: what people decided about rows before the approval.

A row has at most one decision that stands (index `decision_row_standing`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest.domain import decision_messages
from services.ingest.domain.decision import Decision, Selection
from services.ingest.store import queries, withdrawals

#: The decision that stands about a row `r`, for a LATERAL join: it is found by its index for each
#: row, so no plan can become slow for lack of statistics.
STANDING: Final = """
    SELECT d.act, d.reason, d.decided_by
    FROM decision_row s
    JOIN decision d USING (decision_id)
    WHERE s.batch_id = r.batch_id AND s.file_row = r.file_row AND s.standing"""
_DECISIONS: Final = """
    SELECT d.decision_id, d.batch_id, d.act, d.target, d.reason, d.evidence, d.seen_digest,
        ARRAY(
            SELECT file_row
            FROM decision_row r
            WHERE r.decision_id = d.decision_id AND r.standing
            ORDER BY file_row) AS file_rows,
        d.rows, d.amount_cents, d.decided_by, d.decided_at, d.at_approval,
        d.withdrawn_by, d.withdrawn_at
    FROM decision d"""


def selected(selection: Selection, person_key: str) -> tuple[str, dict[str, Any]]:
    """Conditions on `batch_row` for a selection, each after AND, and their values.

    Args:
        person_key: the canonical key of the selection's person, if it names one.
    """
    if selection.row_ids:
        ids = [str(one) for one in selection.row_ids]
        return " AND row_id = ANY(CAST(:row_ids AS uuid[]))", {"row_ids": ids}
    if selection.employee_id:
        return " AND person_key = :person_key", {"person_key": person_key}
    return queries.row_conditions(dict(selection.filters), selection.search)


def find_rows(
    connection: Connection, batch_id: UUID, selection: Selection, person_key: str
) -> Sequence[Any]:
    """Find the rows of a batch that a selection names, with the act that was decided ("": none).

    Args:
        person_key: the canonical key of the selection's person, if it names one.
    """
    where, values = selected(selection, person_key)
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.row_id, r.file_row, r.status, r.reason_code, r.amount_cents,
            coalesce(s.act, '') AS decided_act
        FROM (SELECT * FROM batch_row WHERE batch_id = :id{where}) r
        LEFT JOIN LATERAL ({STANDING} LIMIT 1) s ON true
        ORDER BY r.file_row""",  # noqa: S608 - our own text
        **values,
        id=batch_id,
    ).all()
    return found


def insert_decision(connection: Connection, decision: Decision) -> None:
    """Insert a decision and its rows. Who decided can no longer approve the batch."""
    run(
        connection,
        """
        INSERT INTO decision (
            decision_id, batch_id, act, target, reason, evidence, seen_digest, rows, amount_cents,
            at_approval, decided_by, decided_at, withdrawn_by, withdrawn_at)
        VALUES (:decision_id, :batch_id, :act, :target, :reason, :evidence, :seen_digest, :rows,
            :amount_cents, :at_approval, :decided_by, :decided_at, :withdrawn_by,
            :withdrawn_at)""",
        decision_id=decision.decision_id,
        batch_id=decision.batch_id,
        act=decision.act,
        target=decision.target,
        reason=decision.reason,
        evidence=decision.evidence,
        seen_digest=decision.seen_digest,
        rows=decision.rows,
        amount_cents=decision.amount_cents,
        at_approval=decision.at_approval,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
        withdrawn_by=decision.withdrawn_by,
        withdrawn_at=decision.withdrawn_at,
    )
    run(
        connection,
        """
        INSERT INTO decision_row (decision_id, batch_id, file_row)
        SELECT :decision_id, :batch_id, unnest(CAST(:file_rows AS int[]))""",
        decision_id=decision.decision_id,
        batch_id=decision.batch_id,
        file_rows=list(decision.file_rows),
    )


def find_decision(connection: Connection, batch_id: UUID, decision_id: UUID) -> Decision | None:
    """Find a decision of a batch."""
    found = run(
        connection,
        f"{_DECISIONS} WHERE d.batch_id = :id AND d.decision_id = :decision",
        id=batch_id,
        decision=decision_id,
    )
    row = found.mappings().first()
    return None if row is None else _to_decision(row)


def list_decisions(connection: Connection, batch_id: UUID) -> list[Decision]:
    """List all decisions of a batch, also those taken back, in the order they were made."""
    found = run(
        connection,
        f"{_DECISIONS} WHERE d.batch_id = :id ORDER BY d.decided_at, d.decision_id",
        id=batch_id,
    )
    return [_to_decision(row) for row in found.mappings()]


def count_with_amendments(connection: Connection, batch_id: UUID) -> int:
    """Count the decisions and amendments of a batch, also those taken back."""
    number: int = run(
        connection,
        """
        SELECT (SELECT count(*) FROM decision WHERE batch_id = :id)
            + (SELECT count(*) FROM amendment WHERE batch_id = :id)""",
        id=batch_id,
    ).scalar_one()
    return number


def _to_decision(row: Mapping[Any, Any]) -> Decision:
    return Decision(**{**row, "file_rows": tuple(row["file_rows"])})


def list_standing(connection: Connection, batch_id: UUID) -> list[Decision]:
    """List the decisions of a batch that stand."""
    return [one for one in list_decisions(connection, batch_id) if one.withdrawn_by is None]


def count_payable_excluded(connection: Connection, batch_id: UUID) -> int:
    """Count the rows that a batch would pay though a person excluded them.

    There are none, unless an older version of this service checked the batch last.
    """
    number: int = run(
        connection,
        f"""
        SELECT count(*)
        FROM batch_row r
        CROSS JOIN LATERAL ({STANDING}) s
        WHERE r.batch_id = :id AND s.act = 'exclude' AND r.status = 'payable'""",  # noqa: S608 - our own text
        id=batch_id,
    ).scalar_one()
    return number


def recover_decisions(
    connection: Connection, newest: BatchChanged, person: str, now: datetime
) -> None:
    """Make the decisions of a batch those that were published (`withdrawals.recover`).

    Args:
        person: who takes back those that were lost, in the records.
    """
    here = list_decisions(connection, newest.batch_id)
    published = decision_messages.published_decisions(newest)
    withdrawals.recover(connection, here, published, insert_decision, (person, now))
