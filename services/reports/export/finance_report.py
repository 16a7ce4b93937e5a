"""The files of a report for finance: CSV, workbook with totals, PDF, and their manifest."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from libs.common.contracts.money import CURRENCY, display, dollars
from services.reports.domain.finance_reports import NAMED, BatchVersion, Question, report_id
from services.reports.domain.formats import format_instant, safe_cell
from services.reports.export.table_pdf import PdfTable, table_pdf
from services.reports.export.tables import GROUP_COLUMNS, Cell, group_cells
from services.reports.export.workbook import write_workbook

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # Excel takes a CSV without it for another alphabet


@dataclass(frozen=True)
class FinanceReport:
    """What was asked, by whom and when, and the answer.

    Args:
        lines: the rows of `finance_reports.sum_lines`.
        freshness: as of when the figures are, and what was not applied then.
        names: what people call branches and source accounts, by kind and id.
    """

    question: Question
    batches: Sequence[BatchVersion]
    lines: Sequence[Any]
    made_by: str
    made_at: datetime
    freshness: Mapping[str, str]
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def report_id(self) -> UUID:
        """The natural id: the same question with the same figures is the same report."""
        return report_id(self.question, self.batches, list(self.cells()))

    def columns(self) -> tuple[str, ...]:
        """The columns of the table."""
        return (*self.question.shown_columns(), *GROUP_COLUMNS)

    def cells(self) -> Iterator[list[Cell]]:
        """The lines as cells."""
        for line in self.lines:
            yield [*self.about_line(line), *group_cells(line)]

    def about_line(self, line: Any) -> Iterator[str]:
        """What a line is about: its ids, and the names that people gave behind them."""
        for column in self.question.columns():
            value = getattr(line, column)
            yield value
            if column in NAMED:
                yield self.names.get((NAMED[column], value), "")

    def files(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The manifest, and the files by kind: `csv`, `xlsx` and `pdf`."""
        files = {
            "csv": write_csv(self.columns(), self.cells()),
            "xlsx": self._xlsx(),
            "pdf": self._pdf(),
        }
        return {
            "report_id": str(self.report_id),
            "kind": "sums",
            "made_by": self.made_by,
            "made_at": format_instant(self.made_at),
            "as_of": self.freshness.get("as_of", ""),
            "behind": self.freshness.get("behind", ""),
            "question": asdict(self.question),
            "batches": [asdict(batch) for batch in self.batches],
            "all_final": all(batch.certificate_version for batch in self.batches),
            "currency": CURRENCY,
            "lines": len(self.lines),
            "rows": sum(line.rows for line in self.lines),
            "amount": dollars(sum(line.cents for line in self.lines)),
            "paid_amount": dollars(sum(line.paid_cents for line in self.lines)),
            "sha256": file_digests(files),
        }, files

    def _xlsx(self) -> bytes:
        out = io.BytesIO()
        write_workbook(
            out,
            self.columns(),
            self.cells(),
            self._about(),
            with_totals=True,
            created=self.made_at.astimezone(UTC).replace(tzinfo=None),
        )
        return out.getvalue()

    def _pdf(self) -> bytes:
        about = self._about()
        lines = [
            (
                " - ".join(filter(None, self.about_line(line))),
                f"{line.rows:,}",
                display(line.cents),
                display(line.paid_cents),
                display(line.failed_cents),
                display(line.reversed_cents),
            )
            for line in self.lines
        ]
        sums = ("cents", "paid_cents", "failed_cents", "reversed_cents")
        totals = (
            f"{sum(line.rows for line in self.lines):,}",
            *(display(sum(getattr(line, name) for line in self.lines)) for name in sums),
        )
        heads = (", ".join(self.question.columns()), "Rows", "Amount", "Paid", "Failed", "Returned")
        return table_pdf(
            "Student loan payments: report for finance",
            about,
            PdfTable(heads, lines, totals),
            self.made_at,
        )

    def _about(self) -> dict[str, str]:
        """The last sheet of the workbook: filters, time, person and versions."""
        question = self.question
        about = {
            "report_id": str(self.report_id),
            "made_by": self.made_by,
            "made_at": format_instant(self.made_at),
            "as_of": self.freshness.get("as_of", ""),
            "behind": self.freshness.get("behind", ""),
            "pay periods from": question.from_day or "the first",
            "pay periods to": question.to_day or "the last",
            "batches asked for": ", ".join(question.batch_ids) or "every approved batch",
            "grouped by": ", ".join(question.by),
        }
        for batch in self.batches:
            certified = (
                f"equals certificate version {batch.certificate_version} of the ledger"
                if batch.certificate_version
                else "not final: its figures still change"
            )
            about[f"batch {batch.batch_id}"] = (
                f"period {batch.period}, {batch.status}, version {batch.version}, {certified}"
            )
        return about


def write_csv(columns: Sequence[str], lines: Iterable[Sequence[Cell]]) -> bytes:
    """A table as CSV (RFC 4180) whose texts no spreadsheet reads as formulas."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in line])
    return buffer.getvalue().encode()


def file_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file that is offered, by its name."""
    return {
        "report.csv": sha256(files["csv"]).hexdigest(),
        "report-bom.csv": sha256(BYTE_ORDER_MARK + files["csv"]).hexdigest(),
        "report.xlsx": sha256(files["xlsx"]).hexdigest(),
        "report.pdf": sha256(files["pdf"]).hexdigest(),
    }
