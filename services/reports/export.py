"""The reports of one snapshot as files: three tables as CSV and workbook, a summary for people, all of it as one archive.

All three tables come from the same view in the same snapshot, so their sums are equal by construction.
"""

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from sqlalchemy import Connection, Row

from libs.common.contracts.money import CURRENCY, dollars
from libs.common.contracts.statuses import OUTCOMES
from libs.common.crypto.field_encryption import FieldCipher
from services.reports.domain.formats import (
    approval_rule,
    format_instant,
    reason_or_code,
    safe_cell,
)
from services.reports.store import queries

Cell = str | int
GROUP_COLUMNS = (
    "currency",
    "rows",
    "amount",
    *(f"{outcome}_{what}" for outcome in OUTCOMES for what in ("count", "amount")),
)
SOURCES = (
    "batch_id",
    "source_account_id",
    "payor_name",
    "aba_routing",
    "account_last4",
    *GROUP_COLUMNS,
)
BRANCHES = ("batch_id", "branch_id", *GROUP_COLUMNS)
PAYMENTS = (
    "batch_id",
    "file_row",
    "row_id",
    "payment_id",
    "employee_id",
    "first_name",
    "last_name",
    "branch_id",
    "source_account_id",
    "source_last4",
    "institution_id",
    "merchant_id",
    "loan_last4",
    "amount",
    "amount_cents",
    "currency",
    "status",
    "reason_code",
    "reason",
    "provider_payment_id",
    "provider_status",
    "source_trace_id",
    "destination_trace_id",
    "attempts",
    "approved_by",
    "approved_at",
    "created_at",
    "updated_at",
    "completed_at",
    "reversal_id",
)
TABLES = ("sources", "branches", "payments")
CHUNK_ROWS, CHUNK_BYTES = 500, 262_144
SHEET_ROWS = 1_048_576  # a workbook's limit; longer tables go on in a next sheet


@dataclass(frozen=True)
class Report:
    """One snapshot of one batch, from which every file is made; `cipher` opens the names of payments."""

    connection: Connection
    batch: Row[Any]
    cipher: FieldCipher

    def table(self, name: str) -> tuple[tuple[str, ...], Iterator[list[Cell]]]:
        """Columns and lines of `sources`, `branches` or `payments`."""
        if name == "sources":
            return SOURCES, self._sources()
        if name == "branches":
            return BRANCHES, (
                [str(self.batch.batch_id), group.id, *_group(group)]
                for group in self._groups("branch_id")
            )
        return PAYMENTS, (
            self._line(row) for row in queries.lines(self.connection, self.batch.batch_id)
        )

    def about(self) -> dict[str, str]:
        """What every report is about, and under which rule it was approved; the tables' columns are a contract and have no room for it."""
        batch = self.batch
        return {
            "batch_id": str(batch.batch_id),
            "status": batch.status,
            "pay_period": batch.period,
            "file": batch.filename,
            "uploaded_by": batch.uploaded_by,
            "uploaded_at": format_instant(batch.uploaded_at),
            "approved_by": batch.approved_by,
            "approved_at": format_instant(batch.approved_at),
            "digest": batch.digest,
            "control": approval_rule(batch.one_person, batch.uploaded_by, batch.approved_by),
        }

    def stem(self) -> str:
        """How the names of its files begin. A CSV has no other place that says it was approved under single control."""
        return (
            f"{self.batch.batch_id}-single-control"
            if self.batch.one_person
            else str(self.batch.batch_id)
        )

    def csv(self, name: str) -> Iterator[bytes]:
        """A table as RFC 4180 in UTF-8, in chunks; the header comes first, even of an empty table."""
        columns, lines = self.table(name)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(columns)
        for count, line in enumerate(lines, 1):
            writer.writerow(
                [safe_cell(value) if isinstance(value, str) else value for value in line]
            )
            if count % CHUNK_ROWS == 0:
                yield _taken(buffer)
        yield _taken(buffer)

    def xlsx(self, name: str, out: IO[bytes]) -> None:
        """A table as a workbook, written row by row: text stays text, it is never a formula, a link or a number. The last sheet says what it is about."""
        import xlsxwriter  # noqa: PLC0415 - a workbook is rare, and a start must not wait for it

        columns, lines = self.table(name)
        with xlsxwriter.Workbook(
            out,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        ) as book:
            sheet, at = _sheet(book, columns), 1
            for line in lines:
                if at == SHEET_ROWS:
                    sheet, at = _sheet(book, columns), 1
                for column, value in enumerate(line):
                    if isinstance(value, int):
                        sheet.write_number(at, column, value)
                    elif value:
                        sheet.write_string(at, column, value)
                at += 1
            _about(book, self.about())

    def pdf(self, out: IO[bytes]) -> None:
        """The summary for people, one or two pages."""
        batch_id = self.batch.batch_id
        names = {
            source["source_account_id"]: f"{source['payor_name']} …{source['account_last4']}"
            for source in self.batch.sources
        }
        from services.reports.pdf_summary import Summary, summary_pdf  # noqa: PLC0415 - likewise

        out.write(
            summary_pdf(
                Summary(
                    batch=self.batch,
                    sources=self._groups("source_account_id"),
                    branches=self._groups("branch_id"),
                    source_names=names,
                    totals=queries.totals(self.connection, batch_id),
                    certificate=queries.newest_certificate(self.connection, batch_id),
                    judgement=queries.newest_judgement(self.connection, batch_id),
                )
            )
        )

    def archive(self, out: IO[bytes]) -> None:
        """Every file of this snapshot in one zip, and a manifest: what it is about, and the SHA-256 of each file."""
        files: dict[str, Iterator[bytes]] = {f"{name}.csv": self.csv(name) for name in TABLES}
        files |= {f"{name}.xlsx": spool(partial(self.xlsx, name)) for name in TABLES}
        files |= {"summary.pdf": spool(self.pdf)}
        digests = {}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            for name, chunks in files.items():  # each is made when its turn comes
                digest = hashlib.sha256()
                with archive.open(name, "w", force_zip64=True) as part:
                    for chunk in chunks:
                        digest.update(chunk)
                        part.write(chunk)
                digests[name] = digest.hexdigest()
            archive.writestr(
                "manifest.json",
                json.dumps({**self.about(), "sha256": digests}, ensure_ascii=False, indent=1),
            )

    def _groups(self, by: str) -> list[Row[Any]]:
        return queries.groups(self.connection, self.batch.batch_id, by)

    def _sources(self) -> Iterator[list[Cell]]:
        known = {source["source_account_id"]: source for source in self.batch.sources}
        for group in self._groups("source_account_id"):
            source = known.get(group.id, {})
            yield [
                str(self.batch.batch_id),
                group.id,
                *(source.get(name, "") for name in ("payor_name", "aba_routing", "account_last4")),
                *_group(group),
            ]

    def _line(self, row: Row[Any]) -> list[Cell]:
        row_id = str(row.row_id)
        first, last = (
            self.cipher.open(sealed, field, row_id) if sealed else ""
            for field, sealed in (("first_name", row.first_name), ("last_name", row.last_name))
        )
        return [
            str(row.batch_id),
            row.file_row,
            row_id,
            str(row.payment_id or ""),
            row.employee_id,
            first,
            last,
            row.branch_id,
            row.source_account_id,
            row.source_last4,
            row.institution_id,
            row.merchant_id,
            row.loan_last4,
            dollars(row.amount_cents),
            row.amount_cents,
            CURRENCY,
            row.status,
            row.reason_code,
            reason_or_code(row.outcome, row.reason_code, row.reason),
            row.provider_payment_id,
            row.provider_status,
            row.source_trace_id,
            row.destination_trace_id,
            row.attempts,
            row.approved_by,
            format_instant(row.approved_at),
            format_instant(row.created_at),
            format_instant(row.updated_at),
            format_instant(row.completed_at),
            row.reversal_id,
        ]


def spool(write: Callable[[IO[bytes]], None]) -> Iterator[bytes]:
    """What `write` writes, by way of a temporary file without a name, in chunks. It is written whole before the first chunk."""
    with tempfile.TemporaryFile() as file:
        write(file)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sheet(book: Any, columns: Iterable[str]) -> Any:  # the package has no types
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, columns)
    return sheet


def _about(book: Any, about: Mapping[str, str]) -> None:  # the package has no types
    sheet = book.add_worksheet("about")
    for at, pair in enumerate(about.items()):
        for column, words in enumerate(pair):
            sheet.write_string(at, column, words)


def _group(group: Row[Any]) -> Iterable[Cell]:
    yield CURRENCY
    yield group.rows
    yield dollars(group.cents)
    for outcome in OUTCOMES:
        yield getattr(group, f"{outcome}_count")
        yield dollars(getattr(group, f"{outcome}_cents"))


def _taken(buffer: io.StringIO) -> bytes:
    taken = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return taken
