"""The digest to which an approval is bound: of a batch's contents, and of its payments."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from libs.common.contracts.approved_payments import (
    ApprovedPayment,
    PayingSource,
    digest_batch,
    digest_payments,
)

# One encoder for all lines: `json.dumps` makes one for each call.
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class BatchDigest:
    """A batch's digest, as two parts: `contents` of what people see, `payments` of what is paid."""

    contents: str
    payments: str

    @property
    def text(self) -> str:
        """The digest of the batch: `sha256:` and 64 hex digits."""
        return digest_batch(self.contents, self.payments)


@dataclass
class ContentsDigest:
    """The digest of what an approver sees: the period, corrections, decisions, every row.

    Of a row it covers the outcome, the money, who is paid, from where and to where.
    """

    period: date
    state: Any = field(default_factory=hashlib.sha256)  # hashlib names no type for it

    def __post_init__(self) -> None:
        self._add(["period", self.period.isoformat()])

    def _add(self, line: list[Any]) -> None:
        self.state.update(f"{_ENCODE(line)}\n".encode())

    def add_corrections(self, corrections: Iterable[Sequence[str]]) -> None:
        """Add corrections, in the order in which they were made."""
        for correction in corrections:
            self._add(["correction", *correction])

    def add_decisions(self, decisions: Iterable[Sequence[str]]) -> None:
        """Add the decisions that stand, in the order in which they were made."""
        for decision in decisions:
            self._add(["decision", *decision])

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, in the order of the file."""
        for row in rows:
            self._add(["row", *row])

    def text(self) -> str:
        """`sha256:` and 64 hex digits."""
        return f"sha256:{self.state.hexdigest()}"


@dataclass
class PayableRows:
    """The payments that the payable rows of a batch make, gathered from rows in their order."""

    first: dict[str, Any] = field(default_factory=dict)  # rows as they are read, by payment id
    rows: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    cents: dict[str, int] = field(default_factory=dict)

    def add_rows(self, rows: Iterable[Any]) -> None:
        """Add rows, in the order of the file; those that are not payable change nothing."""
        for row in rows:
            if row.status != "payable":
                continue
            payment_id = row.payment_id
            if payment_id not in self.first:
                self.first[payment_id] = row
                self.rows[payment_id] = []
                self.cents[payment_id] = 0
            self.rows[payment_id].append((row.row_id, row.root_row_id))
            self.cents[payment_id] += row.amount_cents

    def digest(self, batch_id: UUID, sources: Iterable[PayingSource]) -> str:
        """The digest of the payments, as the dispatcher computes it from what it received."""
        known = {source.source_account_id: source for source in sources}
        return digest_payments(
            batch_id,
            known.values(),
            (
                ApprovedPayment(
                    payment_id=payment_id,
                    amount_cents=self.cents[payment_id],
                    source_account_id=row.source_account_id,
                    account_index=known[row.source_account_id].account_index,
                    employee_id=row.employee_id,
                    person_index=row.person_index,
                    institution_id=row.institution_id,
                    merchant_id=row.merchant_id,
                    loan_index=row.loan_index,
                    rows=tuple(self.rows[payment_id]),
                )
                for payment_id, row in self.first.items()
            ),
        )
