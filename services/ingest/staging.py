"""Reading a roster into rows, in one transaction: a file is read as a whole or not at all."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from io import BufferedReader
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Retry
from libs.common.database.engine import is_unavailable
from libs.common.messaging.error_text import describe
from libs.common.observability import tracing
from libs.common.observability.logs import frames, log
from services.ingest import known_people
from services.ingest.domain.amendment import OTHER_BIRTH_DATE
from services.ingest.domain.batch import Batch, RowIds
from services.ingest.domain.mended_row import Originals
from services.ingest.encryption import FieldEncryption, account_row_id
from services.ingest.mended_rows import find_originals
from services.ingest.roster.batch_size import BatchSize
from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.roster.cross_row_rules import EMPLOYEE, GroupRefusal, RosterSummary
from services.ingest.roster.issue_codes import SENTENCES, FileRejected, Issue
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.sandbox import read_in_child
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.store import (
    amendments,
    batches,
    issues,
    people,
    published_events,
    rows,
    sources,
    totals,
)
from services.ingest.store.issues import StoredIssue
from services.ingest.store.rows import EncryptedFields, StagedRow
from services.ingest.store.sources import StoredSource

CHUNK_ROWS: Final = 2_000
BUSINESS_ZONE: Final = ZoneInfo("America/Chicago")
#: The text of these fields is stored in a column of its own, or follows from the value.
_DERIVED: Final = {"Amount", "Employee/DOB"}


def business_day(now: datetime) -> date:
    """The day it is for the HR department."""
    return now.astimezone(BUSINESS_ZONE).date()


@dataclass(frozen=True)
class RosterReader:
    """How rosters are read: from which file, within which limits, by which reader."""

    open: Callable[[UUID], BufferedReader]
    encryption: FieldEncryption
    limits: ReadLimits = field(default_factory=ReadLimits)
    read: Callable[[BufferedReader, ReadLimits, date], Iterable[ParsedRow | RosterSummary]] = (
        read_in_child
    )


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
    originals = find_originals(connection, batch)
    staging = Staging(connection, batch.batch_id, reader.encryption, originals)
    today = business_day(datetime.now(UTC))
    with reader.open(batch.batch_id) as source:
        for piece in reader.read(source, reader.limits, today):
            beat()
            if isinstance(piece, ParsedRow):
                staging.add_row(piece)
            else:
                staging.finish(piece)


def _reject(connection: Connection, batch: Batch, rejected: FileRejected, now: datetime) -> None:
    place = rejected.place
    issue = Issue(place.row, place.line or 0, place.field, rejected.code, place.found)
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


class _PersonKeys(NamedTuple):
    """What is stored of a person to compare rows with; empty where a part is missing."""

    person_key: str
    person_index: str
    dob_index: str
    phone_index: str
    place: str  # of the person's key


@dataclass
class Staging:
    """The rows of one batch on their way into the database, a chunk at a time."""

    connection: Connection
    batch_id: UUID
    encryption: FieldEncryption
    originals: Originals | None = None  # the refused rows that this file mends
    rows: list[StagedRow] = field(default_factory=list)
    texts: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)  # to be encrypted
    issues: list[StoredIssue] = field(default_factory=list)
    payors: dict[str, RowValues] = field(default_factory=dict)
    size: BatchSize = field(default_factory=BatchSize)

    def __post_init__(self) -> None:
        self._batch_id = str(self.batch_id)
        self._ids = RowIds(self.batch_id)
        self._person = lru_cache(maxsize=32_768)(self._person_of)  # a person has about five rows

    def add_row(self, row: ParsedRow) -> None:
        """Stage one row of the file.

        Raises:
            FileRejected: it is in a file of mended rows, and mends none of the refused ones.
        """
        values = row.values
        source = _source_of(row)
        self.size.add(values, source, row.line)
        if source:
            self.payors.setdefault(source, values)
        person = self._person(
            values.employee_id, values.first_name, values.last_name, values.born, values.phone
        )
        staged = self._staged(row, source, person)
        if self.originals:
            staged = staged._replace(root_row_id=self.originals.take(row))
        self.rows.append(staged)
        self.texts.append((str(staged.row_id), _texts_of(row), person.place))
        if row.issues:
            self.issues.extend([to_stored(self.batch_id, issue) for issue in row.issues])
        if len(self.rows) >= CHUNK_ROWS:
            self._flush()

    def _staged(self, row: ParsedRow, source: str, person: "_PersonKeys") -> StagedRow:
        values = row.values
        refusal = _refusal_of(row)
        loan, institution = values.loan or "", values.institution_id or ""
        row_id = self._ids.row_id(row.file_row)
        return StagedRow(
            row_id=row_id,
            root_row_id=row_id,
            batch_id=self._batch_id,
            file_row=row.file_row,
            line=row.line,
            status="refused" if refusal else "payable",
            reason_code=refusal.code if refusal else "",
            reason=refusal.message if refusal else "",
            own_payment_id=self._ids.payment_id(row.file_row),
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
            person_index=person.person_index,
            dob_index=person.dob_index,
            phone_index=person.phone_index,
            amount_text=row.written.get("Amount", ""),
            amount_cents=values.amount_cents or 0,
            person_key=person.person_key,
            loan_key=self.encryption.loan_key(institution, canonical_loan(loan)),
        )

    def _person_of(self, employee_id: str | None, *details: str | None) -> "_PersonKeys":
        """The keys of an employee, given the first and last name, the birth date and the phone."""
        digest = self.encryption.index.digest
        given = tuple(text or "" for text in details)
        _, _, born, phone = given
        person_key = canonical_person(employee_id or "")
        return _PersonKeys(
            person_key,
            digest("person", *given) if all(given) else "",
            digest("dob", born) if born else "",
            digest("phone", phone) if phone else "",
            self.encryption.place(person_key),
        )

    def _flush(self) -> None:
        encrypted = self.encryption.encrypt_rows(EncryptedFields._fields[1:], self.texts)
        rows.insert_rows(self.connection, self.rows)
        rows.insert_encrypted_fields(
            self.connection,
            [
                EncryptedFields(row_id, *values)
                for (row_id, *_), values in zip(self.texts, encrypted, strict=True)
            ],
        )
        issues.insert_issues(self.connection, self.issues)
        self.rows, self.texts, self.issues = [], [], []

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
        self._mend_eins()
        self._compare_people()
        totals.replace_totals(self.connection, self.batch_id)

    def _refuse(self, refusal: GroupRefusal) -> None:
        column = "employee_id" if refusal.field == EMPLOYEE else "source_account_id"
        refuse_together(
            self.connection, self.batch_id, column, refusal.key, (refusal.field, refusal.code)
        )
        if column == "source_account_id":
            self.payors.pop(refusal.key, None)

    def _mend_eins(self) -> None:
        """Give sources the EINs that people mended: a file is read once more after a restore."""
        for one in amendments.list_standing(self.connection, self.batch_id):
            if new := one.details.get("to_ein"):
                name, old = one.details["source_account_id"], one.details["from_ein"]
                sources.change_ein(self.connection, self.batch_id, name, old, new)

    def _compare_people(self) -> None:
        """Refuse employees known under another birth date; warn about other details once each."""
        for employee_id in people.list_other_birth_dates(self.connection, self.batch_id):
            refuse_together(
                self.connection,
                self.batch_id,
                "employee_id",
                employee_id,
                (known_people.BIRTH_DATE, OTHER_BIRTH_DATE),
            )
        known_people.warn(self.connection, self.batch_id)

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
    for issue in row.issues:
        if issue.field.startswith("Payor") and issue.outcome == "row":
            return ""
    return row.values.payor_id or ""


def _refusal_of(row: ParsedRow) -> Issue | None:
    """The first issue that refuses a row."""
    for issue in row.issues:
        if issue.outcome == "row":
            return issue
    return None


def _texts_of(row: ParsedRow) -> tuple[str, ...]:
    """What is encrypted of a row, in the order of EncryptedFields."""
    values = row.values
    written = {path: text for path, text in row.written.items() if path not in _DERIVED}
    return (
        values.first_name or "",
        values.last_name or "",
        values.born or "",
        values.phone or "",
        values.loan or "",
        json.dumps(written, ensure_ascii=False) if written else "",
    )


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
