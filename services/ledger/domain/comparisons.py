"""The values that a reconciliation compares, and the differences that it finds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from libs.common.contracts.events.provider import DecidedDuplicate

#: Subject of what the dispatcher reports with a statement.
DISPATCHER = "dispatcher"


@dataclass(frozen=True, slots=True)
class StatementRun:
    """A closed statement: one run through the provider's list of a batch's payments.

    `final_versions` is the sum of the payments' versions when the run began. `verdict` is None
    until the run is judged.
    """

    run_id: UUID
    batch_id: UUID
    complete: bool
    lines: int
    amount_cents: int
    begun_at: datetime
    closed_at: datetime
    final_versions: int
    dead_letters: int
    undecided_duplicates: int
    message: str
    verdict: str | None
    break_count: int
    decided_duplicates: tuple[DecidedDuplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How much of what a run is compared with has arrived.

    `declared_payments` is None while the batch itself is not here. `payments`, `versions` and
    `waiting` are of the batch: its approved payments, the sum of their versions, and the changes
    that wait for an earlier one. `lines` and `amount_cents` are of the run.
    """

    declared_payments: int | None
    payments: int
    versions: int
    waiting: int
    lines: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class VersionsAtClose:
    """The versions of a batch's payments now, and when a run closed.

    `versions` is their sum now (None without payments), `versions_then` their sum at the run's
    close. `status_changed` is true if a payment's status changed while the run was under way.
    """

    versions: int | None
    versions_then: int
    status_changed: bool


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """A payment as the ledger has it. `journals` has each kind's amount in cents.

    `row_count` and `amount_cents` are the approved ones, `rows_found` and `rows_cents` those of
    its stored rows.
    """

    payment_id: UUID
    amount_cents: int
    row_count: int
    rows_cents: int
    rows_found: int
    status: str
    provider_payment_id: str
    source_routing: str
    source_last4: str
    employee_id: str
    person_index: str
    merchant_id: str
    loan_last4: str
    journals: Mapping[str, int]
    source_account_id: str = ""


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment as the provider lists it in a statement."""

    provider_payment_id: str
    provider_status: str
    amount_cents: int
    source_routing: str
    source_last4: str
    employee_id: str
    person_index: str
    merchant_id: str
    loan_last4: str


@dataclass(frozen=True, slots=True)
class UnknownLine:
    """A line of a statement that names no payment of ours.

    `stated_payment_id` is empty if what the provider stated is not the id of any payment.
    `account` is the source account that it is paid from.
    """

    stated_payment_id: str
    provider_payment_id: str
    provider_status: str
    amount_cents: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class UnknownJournal:
    """A journal whose payment is not an approved payment of its batch."""

    payment_id: UUID
    kind: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """A stored balance that is not the sum of its entries."""

    account: str
    layer: str
    entry_cents: int
    entry_rows: int
    balance_cents: int
    balance_rows: int


@dataclass(frozen=True, slots=True)
class OutsideMoney:
    """Money that a provider payment moves outside of our payments, in US cents.

    Negative if it moves less than our payment says.
    """

    provider_payment_id: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A typed difference. `subject` tells findings of one kind and payment apart.

    `outside` is the money that moved outside of our payments, if any, and `account` the source
    account that it left.
    """

    kind: str
    subject: str = ""
    payment_id: str = ""
    provider_payment_id: str = ""
    expected: str = ""
    found: str = ""
    account: str = ""
    outside: tuple[OutsideMoney, ...] = ()

    def break_id(self, batch_id: UUID) -> UUID:
        """The id of the break, the same in every run that finds it. So a break has an age."""
        return uuid5(
            batch_id,
            "|".join((self.kind, self.payment_id, self.provider_payment_id, self.subject)),
        )

    @property
    def amount_cents(self) -> int:
        """All the money that moved outside of our payments."""
        return sum(money.amount_cents for money in self.outside)

    @property
    def evidence(self) -> str:
        """A digest of everything that is seen of the difference, the same in every batch."""
        seen = [
            *(self.kind, self.subject, self.payment_id, self.provider_payment_id),
            *(self.expected, self.found),
            *([money.provider_payment_id, money.amount_cents] for money in self.outside),
        ]
        text = json.dumps(seen, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
