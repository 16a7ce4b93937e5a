"""Child batches: unpaid rows of an approved batch, copied into a batch that is approved anew."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from services.ingest.domain.batch import APPROVED, Batch, payment_id, row_id, status_words
from services.ingest.domain.errors import RequestError
from services.ingest.encryption import FieldEncryption, account_row_id
from services.ingest.store import batches, issues, published_events, sources, totals
from services.ingest.store import rows as store_rows
from services.ingest.store.issues import StoredIssue
from services.ingest.store.rows import EncryptedFields, StagedRow
from services.ingest.store.sources import StoredSource

FILTERS: Final = ("failed", "cancelled", "unpayable")
ENCRYPTED: Final = EncryptedFields._fields[1:]


class ChildRequest(NamedTuple):
    """Which rows a child batch gets (those named, or all of one status), for whom and why."""

    rows: frozenset[UUID]
    status: str
    person: str
    reason: str


class CopiedRow(NamedTuple):
    """A row of the parent, with its number and its id in the child batch."""

    number: int
    row: Any
    new_id: UUID


def derive(
    connection: Connection,
    parent_id: UUID,
    child_id: UUID,
    request: ChildRequest,
    encryption: FieldEncryption,
    now: datetime,
) -> Batch:
    """Make a child batch in `checking`. A second call makes another child.

    Its rows are numbered anew and keep the ids of their file rows (`root_row_id`). Two children
    may contain the same row; only one of them can be approved.

    Raises:
        RequestError: the parent was not approved, or it has no such unpaid rows.
    """
    parent = batches.get_batch(connection, parent_id, lock=True)
    if parent.status not in APPROVED:
        raise RequestError(
            "conflict",
            "child.parent-not-approved",
            f"The batch is {status_words(parent.status)}; only an approved one has child batches.",
            "Correct or discard the batch itself.",
            batch_status=parent.status,
        )
    copied = [
        CopiedRow(number, row, row_id(child_id, number))
        for number, row in enumerate(
            _choose_rows(connection, parent_id, request, encryption), start=1
        )
    ]
    child = _child(parent, child_id, request, now)
    batches.insert_batch(connection, child, request.reason)
    used = {row.source_account_id for _, row, _ in copied}
    sources.insert_sources(connection, _sources(connection, parent_id, child_id, used, encryption))
    store_rows.insert_rows(connection, [_row(child_id, one) for one in copied])
    store_rows.insert_encrypted_fields(
        connection, [_encrypted_fields(one, encryption) for one in copied]
    )
    issues.insert_issues(connection, _warnings(connection, parent_id, child_id, copied))
    totals.replace_totals(connection, child_id)
    return published_events.publish_batch(connection, child_id, now)


def _child(parent: Batch, child_id: UUID, request: ChildRequest, now: datetime) -> Batch:
    kind = "chosen" if request.rows else request.status
    return Batch(
        batch_id=child_id,
        family_id=parent.family_id,
        parent_batch_id=parent.batch_id,
        status="checking",
        revision=1,
        filename=f"{parent.filename} ({kind} rows)",
        period=parent.period,
        period_end=parent.period_end,
        uploaded_by=request.person,
        uploaded_at=now,
        reason=request.reason,
    )


def _choose_rows(
    connection: Connection, parent_id: UUID, request: ChildRequest, encryption: FieldEncryption
) -> list[Any]:
    chosen = [
        row
        for page in store_rows.pages_with_encrypted_fields(connection, parent_id)
        for row in _unpaid_rows(connection, page, request)
        if not _is_forgotten(row, encryption)
    ]
    if request.rows and len(chosen) != len(request.rows):
        missing = sorted(str(one) for one in request.rows - {row.row_id for row in chosen})
        raise RequestError(
            "conflict",
            "child.row-not-free",
            "Some of these rows are no unpaid rows of this batch, or of people who were forgotten.",
            "Leave them out.",
            rows=missing[:100],
        )
    if not chosen:
        raise RequestError(
            "conflict",
            "child.no-rows",
            "No row of this batch can be paid in a child batch.",
            "Look at the rows of the batch.",
        )
    return chosen


def _is_forgotten(row: Any, encryption: FieldEncryption) -> bool:
    """Whether nobody can be paid by this row any more, because its person was forgotten."""
    values = [getattr(row, f"{name}_encrypted") for name in ENCRYPTED]
    return encryption.cipher.is_any_forgotten(*values)


def _unpaid_rows(connection: Connection, page: Sequence[Any], request: ChildRequest) -> list[Any]:
    unpaid = store_rows.list_unpaid(connection, [row.row_id for row in page])
    return [
        row
        for row in page
        if row.row_id in unpaid
        and (
            row.row_id in request.rows
            or (not request.rows and unpaid[row.row_id] == request.status)
        )
    ]


def _row(child_id: UUID, copied: CopiedRow) -> StagedRow:
    same = StagedRow(*(getattr(copied.row, name) for name in StagedRow._fields))
    return same._replace(
        row_id=copied.new_id,
        batch_id=child_id,
        file_row=copied.number,
        status="payable",
        reason_code="",
        reason="",
        own_payment_id=payment_id(child_id, copied.number),
        redirect_of=0,
    )


def _encrypted_fields(copied: CopiedRow, encryption: FieldEncryption) -> EncryptedFields:
    """The encrypted fields of a row, encrypted again for the row that it becomes."""
    old_id, new_id = str(copied.row.row_id), str(copied.new_id)
    return EncryptedFields(
        copied.new_id,
        *(
            encryption.move(getattr(copied.row, f"{name}_encrypted"), name, old_id, new_id)
            for name in ENCRYPTED
        ),
    )


def _sources(
    connection: Connection,
    parent_id: UUID,
    child_id: UUID,
    used: set[str],
    encryption: FieldEncryption,
) -> Iterable[StoredSource]:
    for source in sources.list_sources(connection, parent_id):
        name = source.source_account_id
        if name in used:
            same = StoredSource(*(getattr(source, column) for column in StoredSource._fields))
            account = encryption.move(
                source.account,
                "account",
                account_row_id(parent_id, name),
                account_row_id(child_id, name),
            )
            yield same._replace(batch_id=child_id, account=account)


def _warnings(
    connection: Connection, parent_id: UUID, child_id: UUID, copied: Sequence[CopiedRow]
) -> list[StoredIssue]:
    numbers = {row.file_row: number for number, row, _ in copied}
    return [
        StoredIssue(
            child_id,
            numbers[issue.file_row],
            issue.line,
            issue.field,
            issue.code,
            issue.outcome,
            issue.value,
            issue.message,
        )
        for issue in issues.list_of_rows(connection, parent_id, list(numbers), "warning")
    ]
