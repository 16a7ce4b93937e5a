"""Reading a file into rows: one transaction from the first row to the totals, so that a file is taken whole or not at all."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from libs.common.crypto.field_encryption import BlindIndex, FieldCipher
from libs.common.observability import tracing
from libs.common.observability.logs import log
from services.ingest.domain import Batch, payment_id, row_id
from services.ingest.roster.cross_row_rules import EMPLOYEE, RosterSummary
from services.ingest.roster.issue_codes import SENTENCES, FileRejected, Issue
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.sandbox import read_in_child
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.store import batches
from services.ingest.store import rows as store_rows
from services.ingest.store.rows import Seal, Staged, StoredIssue, StoredSource

CHUNK_ROWS: Final = 2_000
BUSINESS_ZONE: Final = ZoneInfo("America/Chicago")
_DERIVED: Final = {
    "Amount",
    "Employee/DOB",
}  # what is written of these is kept elsewhere, or follows from the value


def business_day(now: datetime) -> date:
    """The day it is for HR."""
    return now.astimezone(BUSINESS_ZONE).date()


@dataclass(frozen=True)
class Secrets:
    """What seals a personal field and what makes it comparable."""

    sealer: FieldCipher
    index: BlindIndex


@dataclass
class Stage:
    """The rows of one batch on their way into the database, a chunk at a time."""

    connection: Connection
    batch_id: UUID
    secrets: Secrets
    rows: list[Staged] = field(default_factory=list)
    seals: list[Seal] = field(default_factory=list)
    issues: list[StoredIssue] = field(default_factory=list)
    payors: dict[str, RowValues] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = self.secrets.index
        self._person = lru_cache(maxsize=32_768)(
            lambda *person: index.of("person", *person)
        )  # a person has about five rows
        self._one = lru_cache(maxsize=65_536)(index.of)

    def take(self, row: ParsedRow) -> None:
        """Stage one row of the file."""
        values, number = row.values, row_id(self.batch_id, row.file_row)
        refusal = next((issue for issue in row.issues if issue.outcome == "row"), None)
        index = self.secrets.index
        loan, institution = values.loan or "", values.institution_id or ""
        first, last, born, phone = (
            values.first_name or "",
            values.last_name or "",
            values.born or "",
            values.phone or "",
        )
        source = (
            ""
            if values.payor_id is None
            or any(i.outcome == "row" and i.field.startswith("Payor") for i in row.issues)
            else values.payor_id
        )
        if source:
            self.payors.setdefault(source, values)
        self.rows.append(
            Staged(
                number,
                number,
                self.batch_id,
                row.file_row,
                row.line,
                "refused" if refusal else "payable",
                refusal.code if refusal else "",
                refusal.message if refusal else "",
                payment_id(self.batch_id, row.file_row),
                values.employee_id or "",
                values.branch_id or "",
                source,
                institution,
                first,
                last,
                loan[-4:],
                index.of("loan", institution, loan) if loan and institution else "",
                self._person(first, last, born, phone) if first and last and born and phone else "",
                self._one("dob", born) if born else "",
                self._one("phone", phone) if phone else "",
                row.written.get("Amount", ""),
                values.amount_cents or 0,
            )
        )
        self.seals.append(
            self._seal(str(number), number, (first, last, born, phone, loan), row.written)
        )
        self.issues.extend(stored(self.batch_id, issue) for issue in row.issues)
        if len(self.rows) >= CHUNK_ROWS:
            self.flush()

    def _seal(
        self, name: str, number: UUID, personal: tuple[str, ...], written: dict[str, str]
    ) -> Seal:
        seal = self.secrets.sealer.seal
        kept = {path: text for path, text in written.items() if path not in _DERIVED}
        texts = (*personal, json.dumps(kept, ensure_ascii=False) if kept else "")
        return Seal(
            number,
            *(
                seal(text, what, name) if text else ""
                for what, text in zip(Seal._fields[1:], texts, strict=True)
            ),
        )

    def flush(self) -> None:
        """Write what is gathered."""
        store_rows.copy(self.connection, Staged, self.rows)
        store_rows.copy(self.connection, Seal, self.seals)
        store_rows.copy(self.connection, StoredIssue, self.issues)
        self.rows, self.seals, self.issues = [], [], []

    def conclude(self, found: RosterSummary) -> None:
        """What the file says as a whole: refusals of all rows of a payor or a person, one source for two ids, what is known of people."""
        self.issues.extend(stored(self.batch_id, issue) for issue in found.issues)
        self.flush()
        for refusal in found.refusals:
            column = "employee_id" if refusal.field == EMPLOYEE else "source_account_id"
            store_rows.refuse_all(
                self.connection,
                self.batch_id,
                column,
                refusal.key,
                refusal.code,
                SENTENCES[refusal.code],
                refusal.field,
            )
            if column == "source_account_id":
                self.payors.pop(refusal.key, None)
        for payor_id, source in found.sources.items():
            if payor_id != source and payor_id in self.payors:
                store_rows.rename_source(self.connection, self.batch_id, payor_id, source)
                self.payors.setdefault(source, self.payors[payor_id])
                del self.payors[payor_id]
        store_rows.copy(
            self.connection,
            StoredSource,
            [self._source(name, values) for name, values in self.payors.items()],
        )
        store_rows.compare_with_known_people(self.connection, self.batch_id, SENTENCES)
        store_rows.total(self.connection, self.batch_id)

    def _source(self, name: str, values: RowValues) -> StoredSource:
        account, routing = values.account or "", values.routing or ""
        sealed = self.secrets.sealer.seal(account, "account", f"{self.batch_id}/{name}")
        return StoredSource(
            self.batch_id,
            name,
            values.payor_name or "",
            values.dba or "",
            values.ein or "",
            routing,
            account[-4:],
            sealed,
            self.secrets.index.of("account", routing, account),
            values.line1 or "",
            values.city or "",
            values.state or "",
            values.zip or "",
        )


def stored(batch_id: UUID, issue: Issue) -> StoredIssue:
    """An issue of the reader as it is stored."""
    return StoredIssue(
        batch_id,
        issue.file_row,
        issue.line,
        issue.field,
        issue.code,
        issue.outcome,
        issue.value,
        issue.message,
    )


@dataclass(frozen=True)
class Reading:
    """How files are read: from where, within which limits, by what."""

    path_of: Callable[[UUID], Path]
    secrets: Secrets
    limits: ReadLimits = field(default_factory=ReadLimits)
    reader: Callable[[Path, ReadLimits, date], Iterable[ParsedRow | RosterSummary]] = read_in_child


def read_one(engine: Engine, reading: Reading, beat: Callable[[], None] = lambda: None) -> bool:
    """Read the oldest batch that waits for it; False if none does.

    The batch is held by the transaction that stages its rows, so a reader that is killed leaves nothing and the next one begins at once.
    """
    with engine.begin() as connection:
        batch = batches.claim_reading(connection)
        if batch is None:
            return False
        now = datetime.now(UTC)
        try:
            with tracing.work("read roster", batch.batch_id), connection.begin_nested():
                _stage(connection, batch, reading, beat)
        except FileRejected as refused:
            store_rows.copy(
                connection,
                StoredIssue,
                [
                    StoredIssue(
                        batch.batch_id,
                        0,
                        refused.line or 0,
                        "",
                        refused.code,
                        "file",
                        "",
                        refused.message,
                    )
                ],
            )
            batches.reject(
                connection, batch.batch_id, refused.code, refused.message, refused.line, now
            )
            log.info("file_refused", batch_id=str(batch.batch_id), code=refused.code)
        else:
            batches.check_again(connection, batch.batch_id, datetime.now(UTC))
            log.info(
                "file_read",
                batch_id=str(batch.batch_id),
                seconds=round((datetime.now(UTC) - now).total_seconds(), 1),
            )
    return True


def _stage(
    connection: Connection, batch: Batch, reading: Reading, beat: Callable[[], None]
) -> None:
    stage = Stage(connection, batch.batch_id, reading.secrets)
    for piece in reading.reader(
        reading.path_of(batch.batch_id), reading.limits, business_day(datetime.now(UTC))
    ):
        beat()
        if isinstance(piece, ParsedRow):
            stage.take(piece)
        else:
            stage.conclude(piece)
