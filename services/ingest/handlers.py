"""What each message means for ingest, and the messages that ingest makes from stored values.

Pure: the same input gives the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha1
from typing import Any
from uuid import UUID, uuid5

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.approval_rules import ApprovalRule, ApprovalRulesChanged
from libs.common.contracts.events.batches import (
    Address,
    BatchChanged,
    Branch,
    Counts,
    Source,
)
from libs.common.contracts.events.holds import HoldChanged
from libs.common.contracts.events.ledger import CertificateIssued, JournalPosted
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.statuses import PAID_ELSEWHERE
from services.ingest.domain import decision_messages
from services.ingest.domain.amendment import Amendment
from services.ingest.domain.approval_request import ApprovalRequest
from services.ingest.domain.approval_rules import FirstApproval, Rule, RuleSet
from services.ingest.domain.batch import Batch
from services.ingest.domain.decision import Decision
from services.ingest.domain.hold import Hold

Record = Any  # one row of a SELECT, read by attribute


@dataclass(frozen=True)
class PreflightOutcomes:
    """What a preflight found, as columns for one set-based statement.

    When the provider could not be asked, only what is known as refused from before is in it.
    """

    institutions: tuple[list[str], list[str], list[str]]  # ids, merchants, reasons
    sources: tuple[list[str], list[str], list[str]]  # ids, codes, messages
    people: list[str]
    loans: list[str]
    # Of people and loans: employee ids, person indexes, loan indexes ("" for a person), sentences.
    refused: tuple[list[str], list[str], list[str], list[str]]


@dataclass(frozen=True)
class Postings:
    """What a run of ledger postings changes.

    `ended` has the new status of each payment that failed, was cancelled or was returned.
    """

    ended: dict[UUID, str]
    certificates: list[CertificateIssued]


def on_preflight_done(event: PreflightDone) -> PreflightOutcomes:
    """The outcomes of a preflight: no merchant, a refused source, a refused or inactive person or
    loan. Nothing that is known as refused counts as payable, also when nobody could be asked.
    """
    institutions = event.institutions if event.checked else ()
    refused = [
        *((p.employee_id, p.person_index, "", p.message) for p in event.refused_people),
        *((o.employee_id, o.person_index, o.loan_index, o.message) for o in event.refused_loans),
    ]
    return PreflightOutcomes(
        (
            [i.institution_id for i in institutions],
            [i.merchant_id for i in institutions],
            [
                i.reason or f"The provider has no merchant for {i.institution_id}."
                for i in institutions
            ],
        ),
        (
            [s.source_account_id for s in event.source_problems],
            [s.code for s in event.source_problems],
            [s.message for s in event.source_problems],
        ),
        list(event.inactive_people),
        list(event.inactive_loans),
        (
            [employee_id for employee_id, _, _, _ in refused],
            [person_index for _, person_index, _, _ in refused],
            [loan_index for _, _, loan_index, _ in refused],
            [message for _, _, _, message in refused],
        ),
    )


def on_dispatch_changed(events: Iterable[DispatchChanged]) -> list[DispatchChanged]:
    """The newest state of each batch, without `cancelled`: that takes effect by certificate."""
    newest: dict[UUID, DispatchChanged] = {}
    for event in events:
        if event.state != "cancelled" and (
            event.batch_id not in newest or newest[event.batch_id].version < event.version
        ):
            newest[event.batch_id] = event
    return list(newest.values())


def on_postings(events: Iterable[Event]) -> Postings:
    """What ends payments and batches; all other postings are the ledger's own.

    A release ends a payment before its money went (failed or cancelled), a reverse after it. The
    first end of a payment counts, as it does when they come in different runs. One that was paid by
    other means stands, with its rows and claims: nothing may pay them again.
    """
    ended: dict[UUID, str] = {}
    certificates = []
    for event in events:
        if isinstance(event, CertificateIssued):
            certificates.append(event)
        elif isinstance(event, JournalPosted) and event.reason_code == PAID_ELSEWHERE:
            continue
        elif isinstance(event, JournalPosted) and event.kind == "release":
            status = "cancelled" if event.status == "cancelled" else "failed"
            ended.setdefault(event.payment_id, status)
        elif isinstance(event, JournalPosted) and event.kind == "reverse":
            ended.setdefault(event.payment_id, "reversed")
    return Postings(ended, certificates)


def count_outcomes(totals: Iterable[Record]) -> tuple[Counts, Counts]:
    """Rows and cents by outcome, from the totals of one source, one branch or all sources."""
    rows: dict[str, int] = defaultdict(int)
    cents: dict[str, int] = defaultdict(int)
    for total in totals:
        for name in (total.status, "total"):
            rows[name] += total.rows
            cents[name] += total.amount_cents
    return Counts(**rows), Counts(**cents)


def _by_kind(totals: Iterable[Record]) -> dict[str, dict[str, list[Record]]]:
    found: dict[str, dict[str, list[Record]]]
    found = {"source": defaultdict(list), "branch": defaultdict(list)}
    for total in totals:
        found[total.kind][total.id].append(total)
    return found


def _sources(totals: dict[str, list[Record]], stored: dict[str, Record]) -> tuple[Source, ...]:
    return tuple(_source(name, stored.get(name), found) for name, found in sorted(totals.items()))


def batch_changed(
    batch: Batch,
    sources: Sequence[Record],
    totals: Sequence[Record],
    institutions: Sequence[str],
    contributors: Iterable[str],
    now: datetime,
    decisions: Iterable[Decision] = (),
    requests: Iterable[ApprovalRequest] = (),
    first: FirstApproval | None = None,
    amendments: Iterable[Amendment] = (),
) -> BatchChanged:
    """The whole state of a batch, as it is after `batch.version`."""
    by_kind = _by_kind(totals)
    stored = {source.source_account_id: source for source in sources}
    rows, cents = count_outcomes(total for total in totals if total.kind == "source")
    return BatchChanged(
        event_id=uuid5(batch.batch_id, f"batch-changed-{batch.version}"),
        occurred_at=now,
        correlation=str(batch.batch_id),
        batch_id=batch.batch_id,
        version=batch.version,
        status=batch.status,
        revision=batch.revision,
        digest=batch.digest,
        contents_digest=batch.contents_digest,
        family_id=batch.family_id,
        parent_batch_id=batch.parent_batch_id,
        period=batch.period.isoformat(),
        period_end=batch.period_end.isoformat() if batch.period_end else "",
        other_period=batch.other_period.isoformat() if batch.other_period else "",
        filename=batch.filename,
        uploaded_by=batch.uploaded_by,
        uploaded_at=batch.uploaded_at,
        approved_by=batch.approved_by,
        approved_at=batch.approved_at,
        seen_digest=batch.seen_digest,
        start_at=batch.start_at,
        approval=decision_messages.assertion_message(batch.assertion),
        rows=rows,
        amount_cents=cents,
        sources=_sources(by_kind["source"], stored),
        branches=tuple(_branch(name, found) for name, found in sorted(by_kind["branch"].items())),
        institutions=tuple(institutions),
        row_messages=batch.row_messages,
        payments=batch.payments,
        payments_cents=batch.payments_cents,
        one_person=batch.one_person,
        reason=batch.reason,
        content_sha256=batch.content_sha256,
        decisions=tuple(decision_messages.decision_message(one) for one in decisions),
        approval_requests=tuple(decision_messages.request_message(one) for one in requests),
        rules_version=batch.rules_version,
        first_approval=decision_messages.first_approval_message(first) if first else None,
        first_start_at=first.start_at if first else None,
        amendments=tuple(decision_messages.amendment_message(one) for one in amendments),
        barred=tuple(sorted(contributors)),
    )


def approval_rules_changed(rules: RuleSet, event_id: UUID) -> ApprovalRulesChanged:
    """The whole state of one version of the rules."""
    values = {name: getattr(rules, name) for name in RuleSet.__dataclass_fields__}
    return ApprovalRulesChanged(
        **{**values, "rules": tuple(ApprovalRule(**vars(one)) for one in rules.rules)},
        event_id=event_id,
        occurred_at=rules.ended_at or rules.proposed_at,
        version=rules.version,
    )


def published_approval_rules(event: ApprovalRulesChanged) -> RuleSet:
    """Rules as they were published."""
    values = {name: getattr(event, name) for name in RuleSet.__dataclass_fields__}
    return RuleSet(**{**values, "rules": tuple(Rule(**dict(one)) for one in event.rules)})


def hold_changed(hold: Hold) -> HoldChanged:
    """The whole state of a hold."""
    return HoldChanged(
        event_id=uuid5(hold.hold_id, f"hold-changed-{hold.version}"),
        occurred_at=hold.lifted_at or hold.set_at,
        hold_id=hold.hold_id,
        version=hold.version,
        kind=hold.kind,
        held_key=hold.key,
        shown=hold.shown,
        first_day=hold.first_day.isoformat(),
        last_day=hold.last_day.isoformat() if hold.last_day else "",
        reason=hold.reason,
        evidence=hold.evidence,
        set_by=hold.set_by,
        set_at=hold.set_at,
        lifted_by=hold.lifted_by,
        lifted_at=hold.lifted_at,
        lift_reason=hold.lift_reason,
    )


def published_hold(event: HoldChanged) -> Hold:
    """A hold as it was published."""
    return Hold(
        hold_id=event.hold_id,
        kind=event.kind,
        key=event.held_key,
        shown=event.shown,
        first_day=date.fromisoformat(event.first_day),
        last_day=date.fromisoformat(event.last_day) if event.last_day else None,
        reason=event.reason,
        evidence=event.evidence,
        set_by=event.set_by,
        set_at=event.set_at,
        lifted_by=event.lifted_by,
        lifted_at=event.lifted_at,
        lift_reason=event.lift_reason,
    )


def published_period(event: BatchChanged) -> tuple[date, date | None, date | None]:
    """The first and the last day of a batch's period, and the first day of the other choice."""
    return (
        date.fromisoformat(event.period),
        date.fromisoformat(event.period_end) if event.period_end else None,
        date.fromisoformat(event.other_period) if event.other_period else None,
    )


def _source(source_account_id: str, stored: Record | None, totals: list[Record]) -> Source:
    rows, cents = count_outcomes(totals)
    if stored is None:  # the rows that were refused for their source
        return Source(source_account_id=source_account_id, rows=rows, amount_cents=cents)
    return Source(
        source_account_id=source_account_id,
        payor_name=stored.payor_name,
        dba=stored.dba,
        ein=stored.ein,
        aba_routing=stored.aba_routing,
        account_last4=stored.account_last4,
        account=stored.account,
        account_index=stored.account_index,
        address=Address(line1=stored.line1, city=stored.city, state=stored.state, zip=stored.zip),
        rows=rows,
        amount_cents=cents,
    )


def _branch(branch_id: str, totals: list[Record]) -> Branch:
    rows, cents = count_outcomes(totals)
    return Branch(branch_id=branch_id, rows=rows, amount_cents=cents)


def event_ids(names: Iterable[str], suffix: str) -> list[str]:
    """The event ids of one fact about many rows or payments: uuid5(id, suffix) of each, as text.

    Written out because `uuid.uuid5` takes twice as long.
    """
    ending, made = suffix.encode(), []
    for name in names:
        digest = bytearray(
            sha1(bytes.fromhex(name.replace("-", "")) + ending, usedforsecurity=False).digest()[:16]
        )
        digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
        made.append(digest.hex())
    return made
