"""summary.pdf: one or two pages for people.

It shows totals by outcome, source account and branch, the approval, the certificate, and the
differences from the provider's list that two people have explained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fpdf import FPDF

from libs.common.contracts.money import CURRENCY, display
from libs.common.contracts.statuses import OUTCOMES
from services.reports.domain.completeness import Totals
from services.reports.domain.formats import approval_rule, format_instant
from services.reports.pdf_table import write_line, write_table

GROUPS_MAX = 40  # more are in the CSV; the summary stays at two pages
OUTCOME_HEADS = ("Outcome", "Rows", f"Amount ({CURRENCY})")
OUTCOME_WIDTHS_MM = (90, 40, 60)
GROUP_HEADS = ("All rows", "Paid", "Pending", "Not paid")
EXPLAINED_HEADS = ("Explained difference", "Explanation", "By", f"Amount ({CURRENCY})")
EXPLAINED_WIDTHS_MM = (70, 60, 34, 26)
GROUP_WIDTHS_MM = (70, 32, 32, 26, 30)


@dataclass(frozen=True)
class Summary:
    """What the summary shows: rows of the read model, and totals by outcome.

    `paid_elsewhere` are the rows and cents of cancelled payments that were paid by other means.
    `certificate` and `judgement` are None before there is one.
    `age` says as of when it is.
    """

    batch: Any
    totals: Totals
    paid_elsewhere: tuple[int, int]
    sources: Sequence[Any]
    branches: Sequence[Any]
    source_names: Mapping[str, str]
    certificate: Any
    judgement: Any
    age: Mapping[str, str] = field(default_factory=dict)


def summary_pdf(summary: Summary) -> bytes:
    """The document.

    The core fonts know Latin-1 only, so any other letter shows as `?`; names in full are in the
    CSVs.
    """
    page = FPDF(format="A4")
    page.set_title(f"Batch {summary.batch.batch_id}")
    page.set_auto_page_break(True, margin=14)
    page.add_page()
    page.set_font("Helvetica", "B", 15)
    write_line(page, "Student loan payments: summary of a batch", 9)
    page.set_font("Helvetica", "", 9)
    for words in _head(summary):
        write_line(page, words, 4.6)
    if summary.batch.one_person:
        page.set_font("Helvetica", "B", 9)
        write_line(
            page, approval_rule(True, summary.batch.uploaded_by, summary.batch.approved_by), 6
        )
    write_table(
        page,
        OUTCOME_HEADS,
        OUTCOME_WIDTHS_MM,
        _outcome_lines(summary.totals, summary.paid_elsewhere),
    )
    for title, groups, names in (
        ("Source account", summary.sources, summary.source_names),
        ("Branch", summary.branches, {}),
    ):
        write_table(page, (title, *GROUP_HEADS), GROUP_WIDTHS_MM, _group_lines(groups, names))
    explained = [] if summary.certificate is None else summary.certificate.acknowledged
    if explained:
        write_table(page, EXPLAINED_HEADS, EXPLAINED_WIDTHS_MM, _explained_lines(explained))
    return bytes(page.output())


def _head(summary: Summary) -> list[str]:
    batch, certificate, judgement = summary.batch, summary.certificate, summary.judgement
    approval = "not approved"
    if batch.approved_by:
        approval = f"approved by {batch.approved_by} at {format_instant(batch.approved_at)}"
    proof = "no certificate: the batch is not final"
    if certificate is not None:
        proof = (
            f"certificate version {certificate.version} ({certificate.outcome}) "
            f"of {format_instant(certificate.issued_at)}, run {certificate.run_id}"
        )
    judged = ""
    if judgement is not None:
        result = "clean" if judgement.clean else f"{judgement.break_count} differences"
        judged = f"newest reconciliation {format_instant(judgement.judged_at)}: {result}"
    status = batch.status.replace("_", " ")
    uploaded = f"uploaded by {batch.uploaded_by} at {format_instant(batch.uploaded_at)}"
    return [
        f"Batch {batch.batch_id}  ·  {status}  ·  pay period {batch.period}",
        f"File {batch.filename}, {uploaded}; {approval}",
        f"Digest {batch.digest or 'none'}",
        proof.capitalize(),
        judged.capitalize(),
        *([f"As of {summary.age['as_of']}"] if "as_of" in summary.age else []),
        *([summary.age["behind"]] if "behind" in summary.age else []),
    ]


def _outcome_lines(
    totals: Totals, paid_elsewhere: tuple[int, int] = (0, 0)
) -> list[tuple[str, str, str]]:
    """One line for each outcome, and one for the whole file.

    Of the cancelled ones another line says how many were paid by other means, if any were.
    """
    rows, cents = (sum(pair[part] for pair in totals.values()) for part in (0, 1))
    by_outcome: list[tuple[str, tuple[int, int]]] = [
        (outcome, totals.get(outcome, (0, 0))) for outcome in OUTCOMES
    ]
    if paid_elsewhere[0]:
        after = OUTCOMES.index("cancelled") + 1
        by_outcome.insert(after, ("   of these paid by other means, not by us", paid_elsewhere))
    return [
        *((outcome, f"{total[0]:,}", display(total[1])) for outcome, total in by_outcome),
        ("whole file", f"{rows:,}", display(cents)),
    ]


def _group_lines(groups: Sequence[Any], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """One line for each source account or branch.

    Its figures: all rows, paid, pending, and the rest, which is not paid.
    """
    lines: list[tuple[str, ...]] = []
    for group in groups[:GROUPS_MAX]:
        figures = (
            (group.rows, group.cents),
            (group.paid_count, group.paid_cents),
            (group.pending_count, group.pending_cents),
            (
                group.rows - group.paid_count - group.pending_count,
                group.cents - group.paid_cents - group.pending_cents,
            ),
        )
        name = names.get(group.id) or group.id or "(none readable)"
        lines.append((name, *(f"{count:,}  {display(cents)}" for count, cents in figures)))
    if len(groups) > GROUPS_MAX:
        lines.append((f"and {len(groups) - GROUPS_MAX:,} more, in the CSV", "", "", "", ""))
    return lines


def _explained_lines(explained: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One line for each difference that two people explained, as the certificate lists it."""
    lines: list[tuple[str, ...]] = [
        (
            f"{one['kind'].replace('_', ' ')}: {one['found']}",
            f"{one['act']}: {one['reason']}",
            f"{one['proposed_by']}, {one['confirmed_by']}",
            display(one["amount_cents"]),
        )
        for one in explained[:GROUPS_MAX]
    ]
    if len(explained) > GROUPS_MAX:
        more = len(explained) - GROUPS_MAX
        lines.append((f"and {more:,} more, in the certificate", "", "", ""))
    return lines
