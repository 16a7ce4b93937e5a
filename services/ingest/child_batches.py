"""Child batches: rows that were not paid, taken into a batch of their own, which is approved like any other."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from libs.common.crypto.field_encryption import FieldCipher
from libs.common.database.engine import run
from services.ingest.domain import APPROVED, Batch, Refused, payment_id, row_id
from services.ingest.staging import Secrets
from services.ingest.store import batches
from services.ingest.store import rows as store_rows
from services.ingest.store.rows import Seal, Staged, StoredIssue, StoredSource

FILTERS: Final = ("failed", "cancelled", "unpayable")
SEALED: Final = Seal._fields[1:]


class Wanted(NamedTuple):
    """Which rows a child is to have: those named, or all of one kind; and who wants it, why."""

    rows: frozenset[UUID]
    status: str
    person: str
    reason: str


def derive(
    connection: Connection,
    parent_id: UUID,
    child_id: UUID,
    wanted: Wanted,
    secrets: Secrets,
    now: datetime,
) -> Batch:
    """Make a child batch in `checking`, its rows numbered anew, each with the root it had; a second call makes another child.

    Two children may hold the same row; only one of them can be approved.

    Raises:
        Refused: the parent was not approved, or there is no such row that may be paid (again).
    """
    parent = batches.find(connection, parent_id, lock=True)
    if parent.status not in APPROVED:
        raise Refused(
            "conflict",
            "child.parent-not-approved",
            f"The batch is {parent.status.replace('_', ' ')}; only an approved one has child batches.",
            "Correct or discard the batch itself.",
            batch_status=parent.status,
        )
    rows = [
        row
        for page in store_rows.sealed(connection, parent_id)
        for row in _chosen(connection, page, wanted)
    ]
    if wanted.rows and len(rows) != len(wanted.rows):
        missing = sorted(str(one) for one in wanted.rows - {row.row_id for row in rows})
        raise Refused(
            "conflict",
            "child.row-not-free",
            "Some of these rows are no unpaid rows of this batch.",
            "Leave them out.",
            rows=missing[:100],
        )
    if not rows:
        raise Refused(
            "conflict",
            "child.no-rows",
            "No row of this batch can be taken into a child batch.",
            "Look at the rows of the batch.",
        )
    kind = "chosen" if wanted.rows else wanted.status
    child = Batch(
        child_id,
        parent.family_id,
        parent_id,
        "checking",
        0,
        1,
        f"{parent.filename} ({kind} rows)",
        parent.period,
        wanted.person,
        now,
        reason=wanted.reason,
    )
    batches.insert(connection, child, None, wanted.reason)
    copied = [(number, row, row_id(child_id, number)) for number, row in enumerate(rows, start=1)]
    store_rows.copy(
        connection,
        StoredSource,
        _sources(
            connection, parent_id, child_id, {row.source_account_id for row in rows}, secrets.sealer
        ),
    )
    store_rows.copy(
        connection, Staged, [_row(child_id, number, row, new_id) for number, row, new_id in copied]
    )
    store_rows.copy(
        connection, Seal, [_seal(row, new_id, secrets.sealer) for _, row, new_id in copied]
    )
    store_rows.copy(
        connection,
        StoredIssue,
        _warnings(
            connection, parent_id, child_id, {row.file_row: number for number, row, _ in copied}
        ),
    )
    store_rows.total(connection, child_id)
    return batches.publish(connection, child_id, now)


def _chosen(connection: Connection, page: Sequence[Any], wanted: Wanted) -> list[Any]:
    """Of a page of rows those that are wanted, unpaid, and in no live payment."""
    free = {
        row.row_id: row.kind
        for row in run(
            connection,
            """
        SELECT r.row_id, CASE r.status WHEN 'payable' THEN p.status ELSE r.status END AS kind
        FROM batch_row r LEFT JOIN payment p ON p.payment_id = r.payment_id AND p.batch_id = r.batch_id
        WHERE r.row_id = ANY(CAST(:ids AS uuid[])) AND (r.status = 'unpayable' OR (r.status = 'payable' AND p.status IN ('failed', 'cancelled')))
            AND NOT EXISTS (SELECT FROM payment_row l WHERE l.root_row_id = r.root_row_id AND NOT l.released)""",
            ids=[row.row_id for row in page],
        )
    }
    return [
        row
        for row in page
        if row.row_id in free
        and (row.row_id in wanted.rows or (not wanted.rows and free[row.row_id] == wanted.status))
    ]


def _row(child_id: UUID, number: int, row: Any, new_id: UUID) -> Staged:
    kept = {name: getattr(row, name) for name in Staged._fields}
    return Staged(
        **{
            **kept,
            "row_id": new_id,
            "batch_id": child_id,
            "file_row": number,
            "status": "payable",
            "reason_code": "",
            "reason": "",
            "own_payment_id": payment_id(child_id, number),
        }
    )


def _seal(row: Any, new_id: UUID, sealer: FieldCipher) -> Seal:
    """The sealed fields of a row, sealed for the row it becomes."""
    return Seal(
        new_id,
        *(
            _resealed(sealer, getattr(row, f"{what}_seal"), what, str(row.row_id), str(new_id))
            for what in SEALED
        ),
    )


def _resealed(sealer: FieldCipher, sealed: str, what: str, old: str, new: str) -> str:
    return sealer.encrypt(sealer.decrypt(sealed, what, old), what, new) if sealed else ""


def _sources(
    connection: Connection, parent_id: UUID, child_id: UUID, used: set[str], sealer: FieldCipher
) -> Iterable[StoredSource]:
    for source in batches.sources(connection, parent_id):
        if source.source_account_id in used:
            name = source.source_account_id
            kept = {field: getattr(source, field) for field in StoredSource._fields}
            account = _resealed(
                sealer, source.account, "account", f"{parent_id}/{name}", f"{child_id}/{name}"
            )
            yield StoredSource(**{**kept, "batch_id": child_id, "account": account})


def _warnings(
    connection: Connection, parent_id: UUID, child_id: UUID, numbers: dict[int, int]
) -> list[StoredIssue]:
    found = run(
        connection,
        """
        SELECT file_row, line, field, code, outcome, value, message FROM issue
        WHERE batch_id = :id AND outcome = 'warning' AND file_row = ANY(CAST(:rows AS int[])) ORDER BY issue_id""",
        id=parent_id,
        rows=list(numbers),
    )
    return [
        StoredIssue(
            child_id, numbers[i.file_row], i.line, i.field, i.code, i.outcome, i.value, i.message
        )
        for i in found
    ]
