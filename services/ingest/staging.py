"""Reading a roster into rows, in one transaction: a file is read as a whole or not at all."""

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

from libs.common.contracts.errors import Retry
from libs.common.database.engine import is_unavailable
from libs.common.messaging.error_text import describe
from libs.common.observability import tracing
from libs.common.observability.logs import frames, log
from services.ingest.domain.batch import Batch, payment_id, row_id
from services.ingest.encryption import FieldEncryption, account_row_id
from services.ingest.roster.batch_size import BatchSize
from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.roster.cross_row_rules import EMPLOYEE, GroupRefusal, RosterSummary
from services.ingest.roster.issue_codes import SENTENCES, FileRejected, Issue
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.sandbox import read_in_child
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.store import batches, issues, people, published_events, rows, sources, totals
from services.ingest.store.issues import StoredIssue
from services.ingest.store.rows import EncryptedFields, StagedRow
from services.ingest.store.sources import StoredSource

CHUNK_ROWS: Final = 2_000
BUSINESS_ZONE: Final = ZoneInfo("America/Chicago")
#: The text of these fields is stored in a column of its own, or follows from the value.
_DERIVED: Final = {"Amount", "Employee/DOB"}
#: Details of people who were paid before, and the code of the warning when they differ.
_COMPARED: Final = (
    ("W_EMPLOYEE_NAME", "Employee/LastName"),
    ("W_EMPLOYEE_PHONE", "Employee/PhoneNumber"),
    ("W_EMPLOYEE_BRANCH", "Employee/DunkinBranch"),
)


def business_day(now: datetime) -> date:
    """The day it is for the HR department."""
    return now.astimezone(BUSINESS_ZONE).date()


@dataclass(frozen=True)
class RosterReader:
    """How rosters are read: from which path, within which limits, by which reader."""

    path_of: Callable[[UUID], Path]
    encryption: FieldEncryption
    limits: ReadLimits = field(default_factory=ReadLimits)
    read: Callable[[Path, ReadLimits, date], Iterable[ParsedRow | RosterSummary]] = read_in_child


def read_next(
    engine: Engine, reader: RosterReader, beat: Callable[[], None] = lambda: None
) -> bool:
    """Read the file of the oldest batch that waits for it. False: there is none.

    The transaction that stages the rows locks the batch. So a reader that is killed leaves
    nothing behind, and the next one can begin at once.
    """
    with engine.begin() as connection:
        batch = batches.lock_next_unread(connection)
        if batch is None:
            return False
        now = datetime.now(UTC)
        try:
            with tracing.batch_span("read roster", batch.batch_id), connection.begin_nested():
                _stage(connection, batch, reader, beat)
        except FileRejected as rejected:
            _reject(connection, batch, rejected, now)
        except Exception as error:
            if isinstance(error, Retry) or is_unavailable(error):
                raise
            log.error(
                "file_read_failed",
                batch_id=str(batch.batch_id),
                traceback=frames(error),
                next="the batch is rejected, and the next file is read",
                **describe(error),
            )
            _reject(connection, batch, FileRejected("E_FILE_NOT_READ"), now)
        else:
            batches.start_check(connection, batch.batch_id, batch.revision + 1)
            published_events.publish_batch(connection, batch.batch_id, datetime.now(UTC))
            log.info(
                "file_read",
                batch_id=str(batch.batch_id),
                seconds=round((datetime.now(UTC) - now).total_seconds(), 1),
            )
    return True


def _stage(
    connection: Connection, batch: Batch, reader: RosterReader, beat: Callable[[], None]
) -> None:
    staging = Staging(connection, batch.batch_id, reader.encryption)
    path, today = reader.path_of(batch.batch_id), business_day(datetime.now(UTC))
    for piece in reader.read(path, reader.limits, today):
        beat()
        if isinstance(piece, ParsedRow):
            staging.add_row(piece)
        else:
            staging.finish(piece)


def _reject(connection: Connection, batch: Batch, rejected: FileRejected, now: datetime) -> None:
    issue = Issue(0, rejected.line or 0, "", rejected.code, "")
    issues.insert_issues(connection, [to_stored(batch.batch_id, issue)])
    batches.reject(connection, batch.batch_id, rejected.code, rejected.message, rejected.line)
    published_events.publish_batch(connection, batch.batch_id, now)
    log.info("file_refused", batch_id=str(batch.batch_id), code=rejected.code)


def to_stored(batch_id: UUID, issue: Issue) -> StoredIssue:
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


@dataclass
class Staging:
    """The rows of one batch on their way into the database, a chunk at a time."""

    connection: Connection
    batch_id: UUID
    encryption: FieldEncryption
    rows: list[StagedRow] = field(default_factory=list)
    encrypted: list[EncryptedFields] = field(default_factory=list)
    issues: list[StoredIssue] = field(default_factory=list)
    payors: dict[str, RowValues] = field(default_factory=dict)
    size: BatchSize = field(default_factory=BatchSize)

    def __post_init__(self) -> None:
        index = self.encryption.index
        # A person has about five rows.
        self._person_index = lru_cache(maxsize=32_768)(
            lambda *person: index.digest("person", *person) if all(person) else ""
        )
        self._index = lru_cache(maxsize=65_536)(
            lambda kind, value: index.digest(kind, value) if value else ""
        )

    def add_row(self, row: ParsedRow) -> None:
        """Stage one row of the file."""
        values = row.values
        source = _source_of(row)
        self.size.add(values, source, row.line)
        if source:
            self.payors.setdefault(source, values)
        self.rows.append(self._staged(row, source))
        self.encrypted.append(self._encrypted(row))
        self.issues.extend(to_stored(self.batch_id, issue) for issue in row.issues)
        if len(self.rows) >= CHUNK_ROWS:
            self._flush()

    def _staged(self, row: ParsedRow, source: str) -> StagedRow:
        values, new_id = row.values, row_id(self.batch_id, row.file_row)
        refusal = next((issue for issue in row.issues if issue.outcome == "row"), None)
        loan, institution = values.loan or "", values.institution_id or ""
        person = (values.first_name, values.last_name, values.born, values.phone)
        return StagedRow(
            row_id=new_id,
            root_row_id=new_id,
            batch_id=self.batch_id,
            file_row=row.file_row,
            line=row.line,
            status="refused" if refusal else "payable",
            reason_code=refusal.code if refusal else "",
            reason=refusal.message if refusal else "",
            own_payment_id=payment_id(self.batch_id, row.file_row),
            employee_id=values.employee_id or "",
            branch_id=values.branch_id or "",
            source_account_id=source,
            institution_id=institution,
            first_name=values.first_name or "",
            last_name=values.last_name or "",
            loan_last4=loan[-4:],
            loan_index=(
                self.encryption.index.digest("loan", institution, loan)
                if loan and institution
                else ""
            ),
            person_index=self._person_index(*person),
            dob_index=self._index("dob", values.born),
            phone_index=self._index("phone", values.phone),
            amount_text=row.written.get("Amount", ""),
            amount_cents=values.amount_cents or 0,
            person_key=canonical_person(values.employee_id or ""),
            loan_key=self.encryption.loan_key(institution, canonical_loan(loan)),
        )

    def _encrypted(self, row: ParsedRow) -> EncryptedFields:
        values, new_id = row.values, row_id(self.batch_id, row.file_row)
        written = {path: text for path, text in row.written.items() if path not in _DERIVED}
        texts = (
            values.first_name,
            values.last_name,
            values.born,
            values.phone,
            values.loan,
            json.dumps(written, ensure_ascii=False) if written else "",
        )
        return EncryptedFields(
            new_id,
            *(
                self.encryption.encrypt(text or "", name, str(new_id))
                for name, text in zip(EncryptedFields._fields[1:], texts, strict=True)
            ),
        )

    def _flush(self) -> None:
        rows.insert_rows(self.connection, self.rows)
        rows.insert_encrypted_fields(self.connection, self.encrypted)
        issues.insert_issues(self.connection, self.issues)
        self.rows, self.encrypted, self.issues = [], [], []

    def finish(self, summary: RosterSummary) -> None:
        """Write the rest, and what only the whole file or earlier batches can show.

        Rows of a payor or an employee are refused together; two payor ids on one account become
        one source; employees are compared with those who were paid before.
        """
        self.issues.extend(to_stored(self.batch_id, issue) for issue in summary.issues)
        self._flush()
        for refusal in summary.refusals:
            self._refuse(refusal)
        for payor_id, source in summary.sources.items():
            if payor_id != source and payor_id in self.payors:
                rows.rename_source(self.connection, self.batch_id, payor_id, source)
                self.payors.setdefault(source, self.payors[payor_id])
                del self.payors[payor_id]
        sources.insert_sources(
            self.connection, [self._source(name, values) for name, values in self.payors.items()]
        )
        self._compare_people()
        totals.replace_totals(self.connection, self.batch_id)

    def _refuse(self, refusal: GroupRefusal) -> None:
        column = "employee_id" if refusal.field == EMPLOYEE else "source_account_id"
        refuse_together(
            self.connection, self.batch_id, column, refusal.key, (refusal.field, refusal.code)
        )
        if column == "source_account_id":
            self.payors.pop(refusal.key, None)

    def _compare_people(self) -> None:
        """Refuse employees known under another birth date; warn about other details once each."""
        for employee_id in people.list_other_birth_dates(self.connection, self.batch_id):
            refuse_together(
                self.connection,
                self.batch_id,
                "employee_id",
                employee_id,
                ("Employee/DOB", "E_EMPLOYEE_OTHER_DOB"),
            )
        for code, path in _COMPARED:
            people.insert_difference_warnings(
                self.connection, self.batch_id, code, path, SENTENCES[code]
            )

    def _source(self, name: str, values: RowValues) -> StoredSource:
        account, routing = values.account or "", values.routing or ""
        return StoredSource(
            batch_id=self.batch_id,
            source_account_id=name,
            payor_name=values.payor_name or "",
            dba=values.dba or "",
            ein=values.ein or "",
            aba_routing=routing,
            account_last4=account[-4:],
            account=self.encryption.encrypt(
                account, "account", account_row_id(self.batch_id, name)
            ),
            account_index=self.encryption.index.digest("account", routing, account),
            line1=values.line1 or "",
            city=values.city or "",
            state=values.state or "",
            zip=values.zip or "",
        )


def _source_of(row: ParsedRow) -> str:
    """The source account of a row; none if the row is refused for its payor."""
    refused = any(i.outcome == "row" and i.field.startswith("Payor") for i in row.issues)
    return "" if refused else row.values.payor_id or ""


def refuse_together(
    connection: Connection, batch_id: UUID, column: str, key: str, issue: tuple[str, str]
) -> None:
    """Refuse all rows of one employee or one source, each with an issue.

    Args:
        column: `employee_id` or `source_account_id`; `key` is its value.
        issue: its field and its code.
    """
    field_path, code = issue
    message = SENTENCES[code]
    issues.insert_for_rows(connection, batch_id, column, key, (field_path, code, message))
    rows.refuse_rows(connection, batch_id, column, key, code, message)
