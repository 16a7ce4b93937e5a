"""What people decided about a batch, as its messages carry it, and back."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.common.contracts.envelope import Value
from libs.common.contracts.events.batches import (
    AmendedRows,
    AmendmentDetails,
    ApprovalAssertion,
    BatchChanged,
)
from libs.common.contracts.events.batches import Amendment as PublishedAmendment
from libs.common.contracts.events.batches import ApprovalRequest as PublishedRequest
from libs.common.contracts.events.batches import Decision as PublishedDecision
from libs.common.contracts.events.batches import FirstApproval as PublishedFirstApproval
from services.ingest.domain.amendment import AmendedRow, Amendment
from services.ingest.domain.approval_request import ApprovalRequest
from services.ingest.domain.approval_rules import FirstApproval
from services.ingest.domain.decision import Decision, from_ranges, to_ranges


def assertion_message(stored: str) -> ApprovalAssertion | None:
    """The gateway's signature of an approval as it was stored; None without one."""
    return ApprovalAssertion.model_validate_json(stored) if stored else None


def _fields(message: type[Value], one: object, **written: Any) -> dict[str, Any]:
    """The fields of a message: those `written` otherwise there, all others as `one` has them."""
    return {
        name: written[name] if name in written else getattr(one, name)
        for name in message.model_fields
    }


def decision_message(one: Decision) -> PublishedDecision:
    """A decision as a message carries it."""
    file_rows = to_ranges(one.file_rows)
    return PublishedDecision(**_fields(PublishedDecision, one, file_rows=file_rows))


def published_decisions(event: BatchChanged) -> list[Decision]:
    """The decisions about a batch, as they were when it was published."""
    return [
        Decision(batch_id=event.batch_id, **{**dict(one), "file_rows": from_ranges(one.file_rows)})
        for one in event.decisions
    ]


def amendment_message(one: Amendment) -> PublishedAmendment:
    """An amendment as a message carries it."""
    return PublishedAmendment(
        **_fields(
            PublishedAmendment,
            one,
            details=AmendmentDetails(**one.details),
            amended=_amended_rows(one.amended),
        )
    )


def _amended_rows(amended: Sequence[AmendedRow]) -> tuple[AmendedRows, ...]:
    """Rows of an amendment, those together of which the same is settled."""
    settled: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in amended:
        settled[row.known, row.about].append(row.file_row)
    return tuple(
        AmendedRows(file_rows=to_ranges(numbers), known=known, about=about)
        for (known, about), numbers in sorted(settled.items())
    )


def published_amendments(event: BatchChanged) -> list[Amendment]:
    """The amendments of a batch, as they were when it was published."""
    return [_amendment(event.batch_id, one) for one in event.amendments]


def _amendment(batch_id: UUID, one: PublishedAmendment) -> Amendment:
    amended = tuple(
        AmendedRow(number, rows.known, rows.about)
        for rows in one.amended
        for number in from_ranges(rows.file_rows)
    )
    details = one.details.model_dump(exclude_defaults=True)
    return Amendment(batch_id=batch_id, **{**dict(one), "details": details, "amended": amended})


def request_message(one: ApprovalRequest) -> PublishedRequest:
    """A request for approval as a message carries it."""
    return PublishedRequest(**_fields(PublishedRequest, one))


def published_requests(event: BatchChanged) -> list[ApprovalRequest]:
    """The requests for approval of a batch, as they were when it was published."""
    return [
        ApprovalRequest(batch_id=event.batch_id, **dict(one)) for one in event.approval_requests
    ]


def first_approval_message(one: FirstApproval) -> PublishedFirstApproval:
    """The first of two approvals as a message carries it."""
    assertion = assertion_message(one.assertion)
    return PublishedFirstApproval(**_fields(PublishedFirstApproval, one, assertion=assertion))


def published_first(one: PublishedFirstApproval) -> FirstApproval:
    """The first approval of a batch as it was published: without the warnings it acknowledged."""
    assertion = one.assertion.model_dump_json() if one.assertion else ""
    return FirstApproval(**{**dict(one), "assertion": assertion})
