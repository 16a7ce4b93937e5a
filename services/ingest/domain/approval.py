"""Who may approve a batch, and whether an approval fits the batch as it is now."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.common.contracts.events.batches import ApprovalAssertion
from services.ingest.domain.batch import Batch, status_words
from services.ingest.domain.errors import RequestError
from services.ingest.domain.year_limit import YearLimits

#: The reason of an included row, as `store.row_outcomes` writes it.
_INCLUSION: Final = re.compile(
    r"included by (.*?), was (already in batch [0-9a-f-]{36} [^:]*): (.*)", re.DOTALL
)


@dataclass(frozen=True)
class Include:
    """An excluded row that the approver includes all the same, and why."""

    row_id: UUID
    reason: str


@dataclass(frozen=True)
class IncludedRow:
    """A row that was included, and by whom. `was` is the reason for which it was excluded."""

    row_id: UUID
    person: str
    was: str
    reason: str


@dataclass(frozen=True)
class ApprovalPolicy:
    """What an installation allows: approval by the uploader, and payments over the yearly limit."""

    one_person: bool = False
    year: YearLimits = field(default_factory=YearLimits)


@dataclass(frozen=True)
class Approval:
    """What an approver sends: the digest of what was seen, acknowledged warnings, included rows.

    `counts_as`: the people the approver counts as, by API tokens. `approved_digest`: of the batch
    with the included rows, as the approving call names it, and as it is once they are included;
    empty: none are included. `assertion`: the gateway's
    signature of the call; None where calls without one are accepted. `rules_version`: of the rules
    by amount that held; 0 if there were none. `start_at`: when the batch may begin to be paid;
    None: at once.
    """

    person: str
    digest: str
    acknowledge: frozenset[str] = frozenset()
    include: tuple[Include, ...] = ()
    counts_as: frozenset[str] = frozenset()
    approved_digest: str = ""
    assertion: ApprovalAssertion | None = None
    rules_version: int = 0
    start_at: datetime | None = None


def parse_inclusion(row_id: UUID, reason: str) -> IncludedRow:
    """An included row, from the reason that its row shows."""
    found = _INCLUSION.fullmatch(reason)
    return IncludedRow(row_id, *(found.groups() if found else ("unknown", reason, reason)))


def check_approver(
    person: str, contributors: Collection[str], one_person: bool, counts_as: Collection[str] = ()
) -> None:
    """Raise RequestError if the approver contributed to the batch or to one of its ancestors.

    Args:
        counts_as: people whose acts may have been the approver's, by an API token.
        one_person: the setting that switches this rule off.
    """
    if not person:
        raise RequestError(
            "forbidden", "approval.nobody", "An approval needs a person.", "Sign in as yourself."
        )
    if person in contributors and not one_person:
        raise RequestError(
            "forbidden",
            "approval.same-person",
            "Who uploaded, corrected, derived or decided about a batch, or one it comes from, "
            "cannot approve it.",
            "Ask another approver.",
        )
    if not one_person and (by_token := sorted(set(counts_as).intersection(contributors))):
        raise RequestError(
            "forbidden",
            "approval.same-person",
            f"{by_token[0]} had a hand in this batch or one it comes from, and you made an API "
            "token for this person: who made a token counts as its person.",
            "Ask another approver.",
        )


def check_approval(
    batch: Batch, approval: Approval, to_acknowledge: Sequence[str], payable: int
) -> None:
    """Raise RequestError unless this approval fits the batch as it is now.

    Args:
        to_acknowledge: the codes of the batch's warnings.
        payable: the number of rows that would be paid.
    """
    if batch.status != "ready":
        raise RequestError(
            "conflict",
            "approval.not-ready",
            f"The batch is {status_words(batch.status)}; only a ready batch can be approved.",
            "Look at the batch again.",
            batch_status=batch.status,
        )
    if batch.digest != approval.digest:
        raise RequestError(
            "conflict",
            "approval.stale",
            "The batch has changed since you looked at it.",
            "Look at it again and approve what it is now.",
        )
    missing = [code for code in to_acknowledge if code not in approval.acknowledge]
    if missing:
        raise RequestError(
            "conflict",
            "approval.unacknowledged",
            f"These warnings are not acknowledged: {', '.join(missing)}.",
            "Read them and name them in `acknowledge`.",
            missing=missing,
        )
    if not payable:
        raise RequestError(
            "conflict",
            "approval.nothing-payable",
            "No row of this batch can be paid.",
            "Discard the batch.",
        )
