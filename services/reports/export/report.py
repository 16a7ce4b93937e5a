"""The reports of one batch: tables as CSV and workbook, a summary for people, and an archive."""

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from sqlalchemy import Connection, Row

from libs.common.crypto.field_encryption import FieldCipher
from services.reports.domain.formats import approval_rule, format_instant, safe_line
from services.reports.export.tables import (
    BRANCHES,
    PAYMENTS,
    SOURCES,
    Cell,
    branch_lines,
    payment_line,
    source_lines,
)
from services.reports.export.workbook import write_workbook
from services.reports.store import queries

TABLES = ("sources", "branches", "payments")
CHUNK_ROWS, CHUNK_BYTES = 500, 262_144


@dataclass(frozen=True)
class Report:
    """One snapshot of one batch, from which every file is made.

    Args:
        cipher: decrypts names.
        freshness: as of when the snapshot is, and what was not applied then.
    """

    connection: Connection
    batch: Row[Any]
    cipher: FieldCipher
    freshness: Mapping[str, str] = field(default_factory=dict)

    def table(self, name: str) -> tuple[tuple[str, ...], Iterator[list[Cell]]]:
        """Columns and lines of `sources`, `branches` or `payments`."""
        if name == "sources":
            return SOURCES, source_lines(self.batch, self._groups("source_account_id"))
        if name == "branches":
            return BRANCHES, branch_lines(self.batch, self._groups("branch_id"))
        rows = queries.lines(self.connection, self.batch.batch_id)
        return PAYMENTS, (payment_line(row, self.cipher) for row in rows)

    def about(self) -> dict[str, str]:
        """What every report is about, and under which rule the batch was approved.

        The columns of the tables are a contract and have no room for it.
        """
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

    def age(self) -> dict[str, str]:
        """As of when the report is, and what was behind then; only what is to be said."""
        return {name: words for name, words in self.freshness.items() if words}

    def stem(self) -> str:
        """How the names of its files begin.

        A CSV can show only here that one person uploaded and approved the batch.
        """
        batch_id = str(self.batch.batch_id)
        return f"{batch_id}-single-control" if self.batch.one_person else batch_id

    def csv(self, name: str) -> Iterator[bytes]:
        """A table as RFC 4180 in UTF-8, in chunks; an empty table has its header."""
        columns, lines = self.table(name)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(columns)
        for count, line in enumerate(lines, 1):
            writer.writerow(safe_line(line))
            if count % CHUNK_ROWS == 0:
                yield _drain(buffer)
        yield _drain(buffer)

    def xlsx(self, name: str, out: IO[bytes]) -> None:
        """A table as a workbook; the last sheet says what it is about."""
        columns, lines = self.table(name)
        write_workbook(out, columns, lines, {**self.about(), **self.age()})

    def pdf(self, out: IO[bytes]) -> None:
        """The summary for people, one or two pages."""
        from services.reports.pdf_summary import Summary, summary_pdf  # noqa: PLC0415 - slow, rare

        batch_id = self.batch.batch_id
        names = {
            source["source_account_id"]: f"{source['payor_name']} …{source['account_last4']}"
            for source in self.batch.sources
        }
        summary = Summary(
            batch=self.batch,
            sources=self._groups("source_account_id"),
            branches=self._groups("branch_id"),
            source_names=names,
            totals=queries.totals(self.connection, batch_id),
            paid_elsewhere=queries.paid_elsewhere(self.connection, batch_id),
            certificate=queries.newest_certificate(self.connection, batch_id),
            judgement=queries.newest_judgement(self.connection, batch_id),
            age=self.age(),
        )
        out.write(summary_pdf(summary))

    def archive(self, out: IO[bytes]) -> None:
        """Every file of this snapshot in one zip.

        Its manifest says what the files are about, as of when they are and what was behind then,
        and gives the SHA-256 of each.
        """
        files: dict[str, Iterator[bytes]] = {f"{name}.csv": self.csv(name) for name in TABLES}
        files |= {f"{name}.xlsx": spool(partial(self.xlsx, name)) for name in TABLES}
        files |= {"summary.pdf": spool(self.pdf)}
        digests = {}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            for name, chunks in files.items():  # generators: each file is made when it is written
                digest = hashlib.sha256()
                with archive.open(name, "w", force_zip64=True) as part:
                    for chunk in chunks:
                        digest.update(chunk)
                        part.write(chunk)
                digests[name] = digest.hexdigest()
            archive.writestr(
                "manifest.json",
                json.dumps(
                    {**self.about(), **self.freshness, "sha256": digests},
                    ensure_ascii=False,
                    indent=1,
                ),
            )

    def _groups(self, by: str) -> list[Row[Any]]:
        return queries.groups(self.connection, self.batch.batch_id, by)


def spool(write: Callable[[IO[bytes]], None]) -> Iterator[bytes]:
    """What `write` writes, in chunks, through a temporary file without a name.

    The file is written whole before the first chunk.
    """
    with tempfile.TemporaryFile() as file:
        write(file)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _drain(buffer: io.StringIO) -> bytes:
    """The content of the buffer, which is empty afterwards."""
    content = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return content
