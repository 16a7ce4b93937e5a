"""A batch's whole life as events, made from a seed.

It has rows of every outcome, payments that end in every way, and the certificate.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import BatchChanged, Counts, Source
from libs.common.contracts.events.ledger import (
    CertificateIssued,
    JournalPosted,
    Outcome,
    ReconciliationJudged,
)
from libs.common.contracts.events.payments import PaidRow, PaymentApproved, PaymentChanged
from libs.common.contracts.events.preparation import DispatchChanged, PreflightDone
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.events.rows import RowRead
from libs.common.contracts.statuses import BatchStatus, PaymentStatus, RowStatus
from libs.common.crypto.field_encryption import FieldCipher

SEAL_KEYS = "test:" + "A" * 43 + "="
CIPHER = FieldCipher.parse(SEAL_KEYS)
SPACE = UUID("7c1f7a52-8f0e-4d3c-9d41-0f1f2b3c4d5e")
START = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
NAMES = (
    "Ada",
    "'t Hooft",
    "=cmd|' /C calc'!A0",
    "+1",
    "-x",
    "@sum",
    "\tTab",
    "Zoë",
    'O"Neil',
    "Li, Wei",
    "李",
)
OUTCOME_OF = {
    "completed": "paid",
    "failed": "failed",
    "cancelled": "cancelled",
    "reversed": "reversed",
}
WAYS: dict[str, tuple[PaymentStatus, ...]] = {
    "completed": ("sending", "pending", "completed", "completed"),
    "failed": ("sending", "in_doubt", "failed"),
    "cancelled": ("cancelled",),
    "reversed": ("sending", "pending", "completed", "reversed"),
}


@dataclass
class Sample:
    """The events of one batch in their natural order, and the final outcome of its rows."""

    batch_id: UUID
    events: list[Event] = field(default_factory=list)
    rows: list[RowRead] = field(default_factory=list)
    payments: list[PaymentApproved] = field(default_factory=list)
    ending: dict[UUID, str] = field(default_factory=dict)  # row_id -> outcome

    def totals(self, outcome: str) -> Outcome:
        """Rows and cents of one outcome at the end."""
        amounts = [row.amount_cents for row in self.rows if self.ending[row.row_id] == outcome]
        return Outcome(rows=len(amounts), amount_cents=sum(amounts))


def envelope(*cause: object) -> dict[str, Any]:
    """event_id and occurred_at; both depend on the cause alone, not on the order."""
    name = "/".join(map(str, cause))
    return {
        "event_id": uuid5(SPACE, name),
        "occurred_at": START + timedelta(milliseconds=int(uuid5(SPACE, name).int % 10_000_000)),
    }


def approved_by_uploader(batch: Sample) -> list[Event]:
    """The events of a batch that its uploader approved, while one person was enough."""
    change = {"one_person": True, "approved_by": "preparer"}
    return [
        e.model_copy(update=change) if isinstance(e, BatchChanged) and e.approved_by else e
        for e in batch.events
    ]


def make(rows: int, seed: int) -> Sample:
    """A batch of `rows` rows that ends.

    About a tenth of them are never approved, and some payments pay several rows.
    """
    draw = random.Random(seed)
    sample = Sample(uuid5(SPACE, f"batch-{seed}"))
    groups: list[list[RowRead]] = []
    for number in range(1, rows + 1):
        joined = groups[-1][0] if groups and draw.random() < 0.1 else None
        row = _row(sample.batch_id, number, draw, joined)
        sample.rows.append(row)
        sample.ending[row.row_id] = row.status
        if joined is not None:
            groups[-1].append(row)
        elif row.status == "payable":
            groups.append([row])
    sample.payments = [_approval(sample.batch_id, group) for group in groups]
    sample.events += [
        _batch(sample, 1, "checking"),
        PreflightDone(
            **envelope(seed, "preflight"), batch_id=sample.batch_id, revision=1, checked=True
        ),
    ]
    sample.events += [
        *sample.rows,
        _batch(sample, 2, "ready"),
        *sample.payments,
        _batch(sample, 3, "approved"),
        _batch(sample, 4, "paying"),
    ]
    sample.events.append(
        DispatchChanged(
            **envelope(seed, "dispatch"), batch_id=sample.batch_id, version=1, state="paying"
        )
    )
    for payment in sample.payments:
        way = draw.choices(tuple(WAYS), (80, 10, 5, 5))[0]
        sample.ending |= {row.row_id: OUTCOME_OF[way] for row in payment.rows}
        sample.events += _life(payment, way)
    sample.events += [_certificate(sample), _batch(sample, 5, "completed_with_failures")]
    sample.events.append(
        ReconciliationJudged(
            **envelope(seed, "judged"),
            batch_id=sample.batch_id,
            run_id=uuid5(SPACE, "run"),
            clean=True,
            break_count=0,
        )
    )
    return sample


def _row(batch_id: UUID, number: int, draw: random.Random, joined: RowRead | None) -> RowRead:
    """A row of its own, or one more of the payment of `joined`."""
    row_id = uuid5(batch_id, str(number))
    status: RowStatus = (
        "payable"
        if joined
        else draw.choices(("payable", "unpayable", "refused", "excluded"), (90, 6, 3, 1))[0]
    )
    source, branch = (
        joined.source_account_id if joined else f"CORP-{draw.randrange(5)}",
        f"BRC-{draw.randrange(30):02d}",
    )
    if status == "refused":
        source, branch = draw.choice((("", branch), (source, ""), ("", "")))
    names = {
        name: CIPHER.encrypt(draw.choice(NAMES), name, str(row_id))
        for name in ("first_name", "last_name")
    }
    return RowRead(
        **envelope(batch_id, "row", number),
        row_id=row_id,
        root_row_id=row_id,
        batch_id=batch_id,
        revision=1,
        file_row=number,
        status=status,
        reason_code="" if status == "payable" else "E_SOMETHING",
        reason="" if status == "payable" else f"because it is {status}",
        payment_id=joined.payment_id
        if joined
        else uuid5(batch_id, f"payment-{number}")
        if status == "payable"
        else None,
        employee_id=f"EMP-{number % 997}",
        branch_id=branch,
        source_account_id=source,
        source_last4="5544",
        institution_id="ins_1",
        merchant_id="mch_1",
        loan_last4=f"{number % 10_000:04d}",
        amount_cents=0 if status == "refused" and draw.random() < 0.3 else draw.randint(100, 1_099),
        **names,
    )


def _approval(batch_id: UUID, rows: Sequence[RowRead]) -> PaymentApproved:
    first = rows[0]
    assert first.payment_id is not None
    paid = (
        PaidRow(
            row_id=r.row_id,
            root_row_id=r.row_id,
            file_row=r.file_row,
            branch_id=r.branch_id,
            amount_cents=r.amount_cents,
        )
        for r in rows
    )
    return PaymentApproved(
        **envelope(first.payment_id, "approved"),
        payment_id=first.payment_id,
        batch_id=batch_id,
        digest="sha256:" + "0" * 64,
        period="2026-11-16",
        amount_cents=sum(row.amount_cents for row in rows),
        source_account_id=first.source_account_id,
        account_index="a",
        source_routing="011000015",
        rows=tuple(paid),
        source_last4="5544",
        employee_id=first.employee_id,
        person_index="p",
        institution_id="ins_1",
        merchant_id="mch_1",
        loan_last4=first.loan_last4,
        loan_index="l",
        approved_by="approver",
        approved_at=START + timedelta(minutes=5),
    )


def _life(payment: PaymentApproved, way: str) -> list[Event]:
    """Statuses, webhooks and journals of one payment."""
    provider_id = f"pmt_{payment.payment_id.hex[:12]}" if way != "cancelled" else ""
    events: list[Event] = []
    for version, status in enumerate(WAYS[way], 1):
        events.append(
            PaymentChanged(
                **envelope(payment.payment_id, "changed", version),
                payment_id=payment.payment_id,
                batch_id=payment.batch_id,
                version=version,
                status=status,
                amount_cents=payment.amount_cents,
                provider_payment_id=provider_id if version > 1 else "",
                provider_status="posted" if version > 2 else "",
                attempts=int(way != "cancelled"),
                evidence_kind="response",
                evidence_id=f"req_{version}",
                reason_code="R01" if status in ("failed", "reversed") else "",
                reason="returned" if status in ("failed", "reversed") else "",
            )
        )
    if provider_id:
        events.append(
            ProviderEventReceived(
                **envelope(payment.payment_id, "hook"),
                provider_id=provider_id,
                provider_event=f"evt_{provider_id}",
                webhook_type="payment.update",
                received_at=START + timedelta(minutes=7),
            )
        )
    kinds: dict[str, tuple[Literal["hold", "settle", "release", "reverse"], ...]] = {
        "completed": ("hold", "settle"),
        "failed": ("hold", "release"),
        "cancelled": ("hold", "release"),
        "reversed": ("hold", "settle", "reverse"),
    }
    return events + [
        JournalPosted(
            **envelope(payment.payment_id, kind),
            batch_id=payment.batch_id,
            journal_id=uuid5(payment.payment_id, kind),
            payment_id=payment.payment_id,
            kind=kind,
            amount_cents=payment.amount_cents,
            status=WAYS[way][-1],
        )
        for kind in kinds[way]
    ]


def _batch(sample: Sample, version: int, status: BatchStatus) -> BatchChanged:
    counted, cents = (
        Counts(total=total)
        for total in (len(sample.rows), sum(row.amount_cents for row in sample.rows))
    )
    approved = version >= 3
    sources = tuple(
        Source(
            source_account_id=f"CORP-{n}",
            payor_name="=Dunkin'",
            aba_routing="011000015",
            account_last4="5544",
        )
        for n in range(5)
    )
    return BatchChanged(
        **envelope(sample.batch_id, "batch", version),
        batch_id=sample.batch_id,
        version=version,
        status=status,
        revision=1,
        digest="sha256:" + "0" * 64,
        family_id=sample.batch_id,
        period="2026-11-16",
        filename="roster.xml",
        uploaded_by="preparer",
        uploaded_at=START,
        approved_by="approver" if approved else None,
        approved_at=START + timedelta(minutes=5) if approved else None,
        rows=counted,
        amount_cents=cents,
        sources=sources,
        row_messages=len(sample.rows),
        payments=len(sample.payments) if approved else 0,
        payments_cents=sum(p.amount_cents for p in sample.payments) if approved else 0,
    )


def _certificate(sample: Sample, version: int = 1) -> CertificateIssued:
    outcomes = {
        name: sample.totals(name)
        for name in ("paid", "failed", "cancelled", "reversed", "unpayable", "refused", "excluded")
    }
    total = Outcome(
        rows=len(sample.rows), amount_cents=sum(row.amount_cents for row in sample.rows)
    )
    return CertificateIssued(
        **envelope(sample.batch_id, "certificate", version),
        batch_id=sample.batch_id,
        version=version,
        run_id=uuid5(SPACE, "run"),
        outcome="completed_with_failures",
        digest="sha256:" + "0" * 64,
        total=total,
        **outcomes,
    )
