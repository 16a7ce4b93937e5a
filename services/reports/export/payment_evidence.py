"""Evidence for one payment as PDF, for the employee or the servicer: what was sent, and when.

It names nobody: the employee by their id, the loan by its last four digits, and none of the people
who uploaded or approved. What people wrote as reasons stays out as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.common.contracts.journals import JOURNAL_TITLES
from libs.common.contracts.money import CURRENCY, display, dollars
from libs.common.contracts.statuses import payment_title
from services.reports.domain.finance_reports import natural_id
from services.reports.domain.formats import format_instant
from services.reports.pdf_table import new_document, write_line, write_text

Fact = tuple[str, str]  # when, and what

NOTICE = (
    "Times are UTC. The payment provider's statuses are as it reported them. A trace id is the "
    "bank network's own number of a transfer; with it a bank or a servicer finds the transfer."
)


@dataclass(frozen=True)
class PaymentEvidence:
    """What the read model knows of an approved payment.

    Args:
        payment: the row of `payment_queries.find_payment`.
        history: of `payment_queries.find_history`.
        freshness: of `freshness_lines`, measured before the snapshot. It is no part of the natural
            id: the first document of the same facts is the one that is kept.
    """

    payment: Any
    history: Mapping[str, Sequence[Any]]
    made_by: str
    made_at: datetime
    freshness: Mapping[str, str] = field(default_factory=dict)

    @property
    def evidence_id(self) -> UUID:
        """The natural id: the same facts are the same evidence."""
        return natural_id(["evidence", self.head(), self.facts()])

    def head(self) -> dict[str, str]:
        """What the payment is."""
        payment = self.payment
        newest = self.history["changes"][-1] if self.history["changes"] else None
        return {
            "Payment": str(payment.payment_id),
            "Amount": f"{display(payment.amount_cents)} {CURRENCY}",
            "Status": payment_title(payment.status, payment.reason_code),
            "Employee id": payment.employee_id,
            "Loan": f"ends in {payment.loan_last4}, servicer {payment.institution_id}",
            "Pay period": self.history["batch"][0].period if self.history["batch"] else "",
            "Batch": str(payment.batch_id),
            "Provider's payment id": payment.provider_payment_id,
            "Provider's status": payment.provider_status,
            "Trace id, employer's account": newest.source_trace_id if newest else "",
            "Trace id, loan's account": newest.destination_trace_id if newest else "",
            "Reversal": newest.reversal_id if newest else "",
        }

    def as_of(self) -> list[str]:
        """As of when the facts are, and what was not applied yet, as sentences."""
        known = self.freshness.get("as_of", "")
        behind = self.freshness.get("behind", "")
        return [
            f"Everything published until {known} is in this document."
            if known
            else "It is not known until when everything published is in this document.",
            *([f"{behind} So a newer status may be missing here."] if behind else []),
        ]

    def facts(self) -> list[Fact]:
        """What happened, oldest first."""
        facts = [
            (row.read_at, f"Row {row.file_row} of the roster read: {display(row.amount_cents)}")
            for row in self.history["rows"]
        ]
        digest = self.history["batch"][0].digest if self.history["batch"] else ""
        facts.append((self.payment.approved_at, f"Approved, with the digest {digest}"))
        facts += [(change.occurred_at, _change(change)) for change in self.history["changes"]]
        facts += [
            (hint.received_at, f"The provider reported {hint.webhook_type} of {hint.provider_id}")
            for hint in self.history["provider_events"]
        ]
        facts += [
            (
                one.posted_at,
                f"{JOURNAL_TITLES[one.kind]}: {display(one.amount_cents)}, {one.journal_id}",
            )
            for one in self.history["journals"]
        ]
        facts.sort(key=lambda fact: fact[0])  # stable: equal times keep the order of the flow
        return [(format_instant(at), words) for at, words in facts]

    def files(self) -> tuple[dict[str, Any], bytes]:
        """The manifest, and the document."""
        pdf = self._pdf()
        return {
            "evidence_id": str(self.evidence_id),
            "payment_id": str(self.payment.payment_id),
            "made_by": self.made_by,
            "made_at": format_instant(self.made_at),
            "as_of": self.freshness.get("as_of", ""),
            "behind": self.freshness.get("behind", ""),
            "status": self.payment.status,
            "version": self.payment.version,
            "currency": CURRENCY,
            "amount": dollars(self.payment.amount_cents),
            "facts": len(self.facts()),
            "sha256": sha256(pdf).hexdigest(),
        }, pdf

    def _pdf(self) -> bytes:
        page = new_document("Evidence for a student loan payment", self.made_at)
        for name, value in self.head().items():
            if value:
                write_text(page, f"{name}: {value}")
        for words in self.as_of():
            write_text(page, words)
        page.ln(3)
        page.set_font("Helvetica", "B", 11)
        write_line(page, "What happened", 6)
        page.set_font("Helvetica", "", 9)
        for at, words in self.facts():
            write_text(page, f"{at}  {words}")
            page.ln(1)
        page.ln(3)
        write_text(page, NOTICE)
        write_text(
            page,
            f"Made at {format_instant(self.made_at)}. Evidence {self.evidence_id}. "
            "Its SHA-256 is in the system beside it.",
        )
        return bytes(page.output())


def _change(change: Any) -> str:
    """One version of a payment's status, without who changed it and what they wrote."""
    parts = [
        payment_title(change.status, change.reason_code),
        f"attempt {change.attempts}" if change.attempts else "",
        f"provider's payment {change.provider_payment_id}" if change.provider_payment_id else "",
        f"provider's status {change.provider_status}" if change.provider_status else "",
        f"trace id, employer's account: {change.source_trace_id}" if change.source_trace_id else "",
        f"trace id, loan's account: {change.destination_trace_id}"
        if change.destination_trace_id
        else "",
        "a return is under way" if change.return_under_way else "",
        f"reversal {change.reversal_id}" if change.reversal_id else "",
        f"code {change.reason_code}" if change.reason_code else "",
        f"shown by {change.evidence_kind} {change.evidence_id}" if change.evidence_id else "",
    ]
    return "; ".join(part for part in parts if part)
