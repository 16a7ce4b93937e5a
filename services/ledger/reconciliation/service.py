"""Judges closed statements: compares, opens and closes breaks, and publishes the verdict.

A run is judged in the transaction of the message that was the last one missing. So the ledger's
contents follow from its messages alone. Every function expects its batches to be locked
(`store.batches.lock_batches`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import Break, ReconciliationJudged
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.messaging import outbox
from libs.common.observability.logs import log
from services.ledger.domain.acknowledgements import Acknowledgement, decided_duplicates
from services.ledger.domain.comparisons import Finding, StatementRun
from services.ledger.domain.outcomes import DeclaredBatch, Tally, final_tallies
from services.ledger.reconciliation.certification import certify
from services.ledger.reconciliation.rules import batches as batch_rules
from services.ledger.reconciliation.rules import payments as payment_rules
from services.ledger.reconciliation.rules import progress as progress_rules
from services.ledger.reconciliation.rules.progress import Moment
from services.ledger.store import (
    acknowledgements,
    batches,
    breaks,
    comparisons,
    payment_pages,
    runs,
)

BREAKS_PUBLISHED_MAX = 100

Verdict = Literal["clean", "breaks", "incomplete"]


@dataclass
class PaymentComparison:
    """The findings of all payments of a batch, and what their rows come to by status."""

    findings: list[Finding] = field(default_factory=list)
    by_status: dict[str, Tally] = field(default_factory=dict)
    payments: Tally = field(default_factory=Tally)  # counts payments, not rows


def judge_due(connection: Connection, batch_ids: Iterable[UUID], *, overdue: bool = False) -> None:
    """Judge every run of these batches for which everything has arrived, oldest first.

    A run that lacks something stays unjudged. It is reported as incomplete if only dead letters
    are in its way, or if `overdue` is true; it is judged when what it lacks has arrived. A second
    call changes nothing.
    """
    for statement in runs.find_unjudged(connection, list(batch_ids)):
        if not statement.complete:
            conclude(connection, statement, "incomplete", [progress_rules.cut_short(statement)])
            continue
        missing = find_missing(connection, statement)
        if not missing:
            judge(connection, statement)
            continue
        reported = (statement.verdict, statement.break_count) == ("incomplete", len(missing))
        only_dead_letters = all(finding.kind == "dead_letter" for finding in missing)
        if (overdue or only_dead_letters) and not reported:
            conclude(connection, statement, "incomplete", missing)


def find_missing(connection: Connection, statement: StatementRun) -> list[Finding]:
    """What prevents a judgement of a run; empty if nothing does."""
    progress = comparisons.read_progress(connection, statement)
    letters = comparisons.find_dead_letters(connection, statement.batch_id)
    return [
        *progress_rules.missing_messages(statement, progress),
        *progress_rules.dead_letters(letters),
    ]


def judge(connection: Connection, statement: StatementRun) -> None:
    """Judge a run for which everything has arrived.

    If there are no findings but acknowledged ones, and every payment has ended, the batch gets its
    certificate.
    """
    batch = batches.find_batch(connection, statement.batch_id)
    assert batch is not None, "a run is judged only when its batch is here"
    moment = progress_rules.choose_moment(
        statement, comparisons.read_versions(connection, statement)
    )
    compared = compare_payments(connection, statement, moment)
    findings = [
        *compare_batch(connection, statement),
        *compared.findings,
        *compare_parts(connection, batch, compared),
        *progress_rules.dispatcher_dead_letters(statement),
        *progress_rules.undecided_duplicates(statement),
    ]
    final = set(compared.by_status) <= FINAL_PAYMENTS
    tallies = final_tallies(batch, compared.by_status)
    if final:
        findings += batch_rules.check_conservation(tallies)
    acknowledged = find_acknowledged(connection, statement, findings)
    barring = [finding for finding in findings if finding.evidence not in acknowledged]
    conclude(connection, statement, "breaks" if barring else "clean", findings, barring)
    if final and moment.certifiable and not barring:
        breaks_explained = [(f, acknowledged[f.evidence]) for f in findings]
        certify(connection, statement, tallies, breaks_explained)


def find_acknowledged(
    connection: Connection, statement: StatementRun, findings: Sequence[Finding]
) -> dict[str, Acknowledgement]:
    """The acknowledgements that count for a run, by the evidence of its findings.

    Those that the dispatcher's decisions about duplicates make are stored here, so that people and
    the certificate see all of one kind.
    """
    if statement.decided_duplicates:
        acknowledgements.lock_corrections(connection)
    outside = {m.provider_payment_id for finding in findings for m in finding.outside}
    before = acknowledgements.find_corrections(connection, outside)
    decided = decided_duplicates(statement.batch_id, findings, statement.decided_duplicates, before)
    acknowledgements.insert_acknowledgements(connection, decided)
    here = acknowledgements.find_acknowledgements(
        connection, [finding.evidence for finding in findings], statement.begun_at
    )
    return {one.evidence: one for one in (*decided, *here)}


def compare_batch(connection: Connection, statement: StatementRun) -> list[Finding]:
    """Comparisons 2 to 4 of what belongs to no single payment."""
    batch_id = statement.batch_id
    journals = comparisons.find_unknown_journals(connection, batch_id)
    return [
        *batch_rules.unknown_lines(comparisons.find_unknown_lines(connection, statement)),
        *batch_rules.shared_provider_payments(
            comparisons.find_shared_provider_payments(connection, batch_id)
        ),
        *batch_rules.unknown_journals(journals),
        *batch_rules.balance_differences(
            comparisons.find_balance_differences(connection, batch_id)
        ),
        *batch_rules.unbalanced_layers(comparisons.find_unbalanced_layers(connection)),
    ]


def compare_payments(
    connection: Connection, statement: StatementRun, moment: Moment
) -> PaymentComparison:
    """Comparisons 1 to 3 of each payment of a batch."""
    compared = PaymentComparison()
    for page in payment_pages.read_payments(connection, statement, moment.until):
        for payment, lines in page:
            compared.findings += payment_rules.check_payment(payment, lines)
            rows = Tally(payment.row_count, payment.amount_cents)
            known = compared.by_status.get(payment.status, Tally())
            compared.by_status[payment.status] = known + rows
            compared.payments += Tally(1, payment.amount_cents)
    return compared


def compare_parts(
    connection: Connection, batch: DeclaredBatch, compared: PaymentComparison
) -> list[Finding]:
    """Comparison 1 of a batch: what it declares as payable against its payments and their rows."""
    stored = comparisons.read_payable_parts(connection, batch.batch_id)
    check = batch_rules.check_parts
    return [
        *check("payments", {"count": batch.payments}, {"count": compared.payments}),
        *check("batch", {"payable": batch.rows["payable"]}, {"payable": stored.total}),
        *check("source", batch.payable_by_source, stored.by_source),
        *check("branch", batch.payable_by_branch, stored.by_branch),
    ]


def conclude(
    connection: Connection,
    statement: StatementRun,
    verdict: Verdict,
    findings: Sequence[Finding],
    barring: Sequence[Finding] | None = None,
) -> None:
    """Store a run's verdict and breaks, and publish them. A later verdict replaces it.

    Args:
        barring: the findings that are not acknowledged, which alone count; None: all of them.
    """
    batch_id, run_id = statement.batch_id, statement.run_id
    counted = findings if barring is None else barring
    breaks.upsert_breaks(connection, batch_id, run_id, findings)
    compared = verdict != "incomplete"
    breaks.close_breaks_not_found(connection, batch_id, run_id, findings, compared=compared)
    number = runs.update_verdict(connection, run_id, verdict, len(counted))
    log.info(
        "reconciliation_judged",
        batch_id=str(batch_id),
        run_id=str(run_id),
        outcome=verdict,
        count=len(counted),
    )
    judged = ReconciliationJudged(
        event_id=uuid5(run_id, f"judged-{number}"),
        occurred_at=statement.closed_at,
        correlation=str(batch_id),
        batch_id=batch_id,
        run_id=run_id,
        clean=verdict == "clean",
        break_count=len(counted),
        breaks=tuple(_break(batch_id, finding) for finding in counted[:BREAKS_PUBLISHED_MAX]),
    )
    outbox.add(connection, [judged])


def _break(batch_id: UUID, finding: Finding) -> Break:
    return Break.model_validate(
        {
            "break_id": finding.break_id(batch_id),
            "kind": finding.kind,
            "payment_id": finding.payment_id,
            "provider_payment_id": finding.provider_payment_id,
            "expected": finding.expected,
            "found": finding.found,
        }
    )


def judge_all(connection: Connection) -> None:
    """Judge every run that can be judged, oldest first: the last step of a rebuild."""
    for batch_id in runs.find_batches_without_verdict(connection):
        judge_due(connection, [batch_id])
