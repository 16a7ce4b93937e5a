"""What became of a batch's rows, at any moment and in the certificate that ends the batch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from libs.common.contracts.events.ledger import AcknowledgedBreak
from libs.common.contracts.statuses import OUTCOME_OF_FINAL
from services.ledger.domain.acknowledgements import Acknowledgement
from services.ledger.domain.comparisons import Finding

#: Outcomes of the rows that no payment contains.
OUTCOMES_WITHOUT_PAYMENT: Final = ("unpayable", "refused", "excluded")
#: The field of a certificate that lists explained breaks. One without any does not have it.
ACKNOWLEDGED: Final = "acknowledged"
#: A batch in one of these pays nothing any more: what was payable and never sent is cancelled.
NEVER_PAYS_AGAIN: Final = frozenset({"discarded", "expired", "rejected", "cancelled"})


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of rows and their sum in US cents."""

    rows: int = 0
    amount_cents: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, self.amount_cents + other.amount_cents)

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.rows - other.rows, self.amount_cents - other.amount_cents)


@dataclass(frozen=True, slots=True)
class DeclaredBatch:
    """The newest version of a batch, as ingest published it.

    `rows` has a tally for `total`, `payable` and each of `OUTCOMES_WITHOUT_PAYMENT`. The payable
    rows are split by source account id and by branch id. `payments` counts payments, not rows.
    """

    batch_id: UUID
    status: str
    changed_at: datetime
    payments: Tally
    rows: Mapping[str, Tally]
    payable_by_source: Mapping[str, Tally]
    payable_by_branch: Mapping[str, Tally]


@dataclass(frozen=True, slots=True)
class Certificate:
    """One version of a batch's certificate. `body` is its JSON, with figures and digest."""

    batch_id: UUID
    version: int
    run_id: UUID
    issued_at: datetime
    body: Mapping[str, Any]  # JSON


def current_tallies(batch: DeclaredBatch, by_status: Mapping[str, Tally]) -> dict[str, Tally]:
    """The outcomes of a batch's rows at this moment. They add up to `total`.

    Args:
        batch: the batch, final or not.
        by_status: the rows of its payments by the payments' status.
    """
    paid_or_ended = _ended_tallies(by_status)
    rest = batch.rows["payable"] - sum(paid_or_ended.values(), Tally())
    outcome_of_rest = "cancelled" if batch.status in NEVER_PAYS_AGAIN else "pending"
    tallies = {"total": batch.rows["total"], "pending": Tally(), **paid_or_ended}
    tallies[outcome_of_rest] += rest
    return tallies | {name: batch.rows[name] for name in OUTCOMES_WITHOUT_PAYMENT}


def final_tallies(batch: DeclaredBatch, by_status: Mapping[str, Tally]) -> dict[str, Tally]:
    """The outcomes of a batch's rows when all its payments have ended: a certificate's figures."""
    return {
        "total": batch.rows["total"],
        **_ended_tallies(by_status),
        **{name: batch.rows[name] for name in OUTCOMES_WITHOUT_PAYMENT},
    }


def _ended_tallies(by_status: Mapping[str, Tally]) -> dict[str, Tally]:
    return {outcome: by_status.get(status, Tally()) for status, outcome in OUTCOME_OF_FINAL.items()}


def batch_outcome(tallies: Mapping[str, Tally]) -> str:
    """How a batch has ended whose payments have all ended."""
    if tallies["cancelled"].rows:
        return "cancelled"
    if tallies["failed"].rows or tallies["reversed"].rows:
        return "completed_with_failures"
    return "completed"


def certificate_figures(
    tallies: Mapping[str, Tally],
    batch_id: UUID,
    explained: Sequence[tuple[Finding, Acknowledgement]] = (),
) -> dict[str, Any]:  # JSON
    """The part of a certificate's body that a new version must differ in."""
    figures: dict[str, Any] = {"outcome": batch_outcome(tallies)}
    for name, tally in tallies.items():
        figures[name] = {"rows": tally.rows, "amount_cents": tally.amount_cents}
    listed = [_explained_break(batch_id, *one).model_dump(mode="json") for one in explained]
    if listed:
        figures[ACKNOWLEDGED] = sorted(listed, key=lambda one: one["break_id"])
    return figures


def _explained_break(
    batch_id: UUID, finding: Finding, acknowledgement: Acknowledgement
) -> AcknowledgedBreak:
    return AcknowledgedBreak(
        break_id=finding.break_id(batch_id),
        kind=finding.kind,
        payment_id=finding.payment_id,
        provider_payment_id=finding.provider_payment_id,
        expected=finding.expected,
        found=finding.found,
        amount_cents=finding.amount_cents,
        act=acknowledgement.act,
        reason=acknowledgement.reason,
        proposed_by=acknowledgement.proposed_by,
        confirmed_by=acknowledgement.confirmed_by,
        confirmed_at=acknowledgement.confirmed_at,
        journals=acknowledgement.journals,
    )


def make_certificate(
    batch_id: UUID,
    version: int,
    run_id: UUID,
    issued_at: datetime,
    figures: Mapping[str, Any],  # JSON
) -> Certificate:
    """A certificate of these figures, with its digest."""
    body = {"batch_id": str(batch_id), "version": version, "run_id": str(run_id), **figures}
    return Certificate(batch_id, version, run_id, issued_at, {**body, "digest": digest(body)})


def digest(certificate: Mapping[str, object]) -> str:
    """`sha256:` and the hash of a certificate's canonical JSON, without its own digest.

    Canonical JSON has sorted keys and no spaces.
    """
    text = json.dumps(
        {name: value for name, value in certificate.items() if name != "digest"},
        sort_keys=True,
        separators=(",", ":"),
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
