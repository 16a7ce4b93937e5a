"""summary.pdf: one or two pages for people, with totals by outcome, source and branch, the approval and the certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from libs.common.contracts.money import CURRENCY, display
from services.reports.domain import OUTCOMES, Totals, control, instant

GROUPS_MAX = 40  # more are in the CSV; the summary stays at two pages


@dataclass(frozen=True)
class Summary:
    """What the summary shows; rows of the read model by attribute, certificate and judgement None before there is one."""

    batch: Any
    totals: Totals
    sources: Sequence[Any]
    branches: Sequence[Any]
    source_names: Mapping[str, str]
    certificate: Any
    judgement: Any


def summary_pdf(summary: Summary) -> bytes:
    """The document. The core fonts know Latin-1 only, so any other letter shows as `?`; names in full are in the CSVs."""
    page = FPDF(format="A4")
    page.set_title(f"Batch {summary.batch.batch_id}")
    page.set_auto_page_break(True, margin=14)
    page.add_page()
    page.set_font("Helvetica", "B", 15)
    _line(page, "Student loan payments: summary of a batch", 9)
    page.set_font("Helvetica", "", 9)
    for words in _head(summary):
        _line(page, words, 4.6)
    if summary.batch.one_person:
        page.set_font("Helvetica", "B", 9)
        _line(page, control(True, summary.batch.uploaded_by, summary.batch.approved_by), 6)
    rows, cents = (sum(pair[part] for pair in summary.totals.values()) for part in (0, 1))
    _table(
        page,
        ("Outcome", "Rows", f"Amount ({CURRENCY})"),
        (90, 40, 60),
        [
            *(
                (
                    outcome,
                    f"{summary.totals.get(outcome, (0, 0))[0]:,}",
                    display(summary.totals.get(outcome, (0, 0))[1]),
                )
                for outcome in OUTCOMES
            ),
            ("whole file", f"{rows:,}", display(cents)),
        ],
    )
    _groups(page, "Source account", summary.sources, summary.source_names)
    _groups(page, "Branch", summary.branches, {})
    return bytes(page.output())


def _head(summary: Summary) -> list[str]:
    batch, certificate, judgement = summary.batch, summary.certificate, summary.judgement
    approval = (
        f"approved by {batch.approved_by} at {instant(batch.approved_at)}"
        if batch.approved_by
        else "not approved"
    )
    if certificate is not None:
        proof = f"certificate version {certificate.version} ({certificate.outcome}) of {instant(certificate.issued_at)}, run {certificate.run_id}"
    else:
        proof = "no certificate: the batch is not final"
    judged = ""
    if judgement is not None:
        judged = f"newest reconciliation {instant(judgement.judged_at)}: " + (
            "clean" if judgement.clean else f"{judgement.break_count} differences"
        )
    return [
        f"Batch {batch.batch_id}  ·  {batch.status.replace('_', ' ')}  ·  pay period {batch.period}",
        f"File {batch.filename}, uploaded by {batch.uploaded_by} at {instant(batch.uploaded_at)}; {approval}",
        f"Digest {batch.digest or 'none'}",
        proof.capitalize(),
        judged.capitalize(),
    ]


def _groups(page: FPDF, title: str, groups: Sequence[Any], names: Mapping[str, str]) -> None:
    """One line per source account or branch: everything, then paid, pending, and the rest that is not paid."""
    lines = []
    for group in groups[:GROUPS_MAX]:
        rest = (
            group.rows - group.paid_count - group.pending_count,
            group.cents - group.paid_cents - group.pending_cents,
        )
        lines.append(
            (
                names.get(group.id) or group.id or "(none readable)",
                *(
                    f"{count:,}  {display(cents)}"
                    for count, cents in (
                        (group.rows, group.cents),
                        (group.paid_count, group.paid_cents),
                        (group.pending_count, group.pending_cents),
                        rest,
                    )
                ),
            )
        )
    if len(groups) > GROUPS_MAX:
        lines.append((f"and {len(groups) - GROUPS_MAX:,} more, in the CSV", "", "", "", ""))
    _table(page, (title, "All rows", "Paid", "Pending", "Not paid"), (70, 32, 32, 26, 30), lines)


def _table(
    page: FPDF, heads: Sequence[str], widths: Sequence[int], lines: Sequence[Sequence[str]]
) -> None:
    page.ln(4)
    for number, line in enumerate([heads, *lines]):
        page.set_font("Helvetica", "B" if number == 0 else "", 8)
        for column, (words, width) in enumerate(zip(line, widths, strict=True)):
            page.cell(
                width,
                4.4,
                _fitted(page, words, width - 2),
                border="B",
                align="L" if column == 0 else "R",
            )
        page.ln(4.4)


def _line(page: FPDF, words: str, height_mm: float) -> None:
    page.cell(0, height_mm, _fitted(page, words, page.epw - 2), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _fitted(page: FPDF, words: str, width_mm: float) -> str:
    """The words in Latin-1, cut to the width."""
    shown = words.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
    while page.get_string_width(shown) > width_mm:
        shown = shown[:-1]
    return shown
