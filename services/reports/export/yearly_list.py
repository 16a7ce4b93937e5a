"""The list of a year: what is approved or paid for each person, beside the limit free of tax.

Ingest, which knows who is the same person and what the limit is, gives the lines. Nobody is named
but by the employee id.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from libs.common.contracts.money import CURRENCY, display, dollars
from services.reports.domain.finance_reports import BatchVersion, Question, natural_id
from services.reports.domain.formats import format_instant
from services.reports.export.finance_report import file_digests, write_csv
from services.reports.export.table_pdf import PdfTable, table_pdf
from services.reports.export.tables import Cell
from services.reports.export.workbook import write_workbook

COLUMNS: Final = (
    *("year", "employee_id", "branch_id", "branch_name", "currency", "payments"),
    *("amount", "limit_amount", "left_amount", "over_amount"),
)


@dataclass(frozen=True)
class YearLine:
    """One person. The cents are of payments that were approved and did not end unpaid."""

    employee_id: str
    branch_id: str
    branch_name: str
    payments: int
    counted_cents: int


@dataclass(frozen=True)
class YearlyList:
    """Everybody of a year, and the versions of the batches that count in it."""

    year: int
    limit_cents: int
    batches: Sequence[BatchVersion]
    lines: Sequence[YearLine]
    made_by: str
    made_at: datetime

    @property
    def report_id(self) -> UUID:
        """The natural id: the same list is the same report."""
        batches = [asdict(batch) for batch in self.batches]
        lines = [asdict(line) for line in self.lines]
        return natural_id(["yearly", self.year, self.limit_cents, batches, lines])

    def files(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The manifest, and the files by kind: `csv`, `xlsx` and `pdf`."""
        files = {
            "csv": write_csv(COLUMNS, self.cells()),
            "xlsx": self._xlsx(),
            "pdf": self._pdf(),
        }
        total = dollars(sum(line.counted_cents for line in self.lines))
        question = Question(f"{self.year}-01-01", f"{self.year}-12-31", by=("person",))
        return {
            "report_id": str(self.report_id),
            "kind": "yearly",
            "made_by": self.made_by,
            "made_at": format_instant(self.made_at),
            "as_of": "",  # nobody knows until when everything published counts in the lines
            "behind": "",
            "question": asdict(question),
            "batches": [asdict(batch) for batch in self.batches],
            "all_final": False,
            "currency": CURRENCY,
            "lines": len(self.lines),
            "rows": sum(line.payments for line in self.lines),
            "amount": total,
            "paid_amount": "",  # the sum holds payments that are approved and have not ended
            "sha256": file_digests(files),
        }, files

    def cells(self) -> Iterator[list[Cell]]:
        """The lines as cells."""
        for line in self.lines:
            left = self.limit_cents - line.counted_cents
            yield [
                str(self.year),
                line.employee_id,
                line.branch_id,
                line.branch_name,
                CURRENCY,
                line.payments,
                dollars(line.counted_cents),
                dollars(self.limit_cents),
                dollars(max(left, 0)),
                dollars(max(-left, 0)),
            ]

    def _xlsx(self) -> bytes:
        out = io.BytesIO()
        created = self.made_at.astimezone(UTC).replace(tzinfo=None)
        write_workbook(out, COLUMNS, self.cells(), self._about(), with_totals=True, created=created)
        return out.getvalue()

    def _pdf(self) -> bytes:
        lines = [
            (
                " - ".join(filter(None, (line.employee_id, line.branch_name or line.branch_id))),
                f"{line.payments:,}",
                display(line.counted_cents),
                display(max(self.limit_cents - line.counted_cents, 0)),
                display(max(line.counted_cents - self.limit_cents, 0)),
            )
            for line in self.lines
        ]
        totals = (
            f"{sum(line.payments for line in self.lines):,}",
            display(sum(line.counted_cents for line in self.lines)),
            "",
            display(sum(max(line.counted_cents - self.limit_cents, 0) for line in self.lines)),
        )
        heads = ("Employee", "Payments", "Approved or paid", "Left", "Over")
        title = f"Student loan payments of {self.year} by employee"
        return table_pdf(title, self._about(), PdfTable(heads, lines, totals), self.made_at)

    def _about(self) -> dict[str, str]:
        """The last sheet of the workbook, and the head of the PDF."""
        return {
            "report_id": str(self.report_id),
            "made_by": self.made_by,
            "made_at": format_instant(self.made_at),
            "year": f"{self.year}: pay periods whose last day lies in it",
            "limit free of tax": f"{display(self.limit_cents)} a person (26 U.S.C. 127)",
            "counted": "approved payments that have not failed, been cancelled or been returned",
            "batches": ", ".join(
                f"{batch.batch_id} ({batch.period}, {batch.status}, version {batch.version})"
                for batch in self.batches
            )
            or "none",
        }
