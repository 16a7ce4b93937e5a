"""Requests and answers about asking for the approval of a batch."""

from typing import Any

from pydantic import Field

from services.ingest.domain.approval_request import ApprovalRequest
from services.ingest.domain.batch import Batch
from services.ingest.schemas.requests import Body

_SHOWN = (
    *("request_id", "digest", "note", "asked_by", "asked_at"),
    *("ended_by", "ended_at", "end_reason"),
)


class AskBody(Body):
    """Who asks has seen the batch with this digest."""

    digest: str = Field(max_length=100)
    note: str = Field(default="", max_length=500)


def request_item(one: ApprovalRequest, batch: Batch) -> dict[str, Any]:
    """A request as people see it, with what became of it."""
    return {
        **{name: getattr(one, name) for name in _SHOWN},
        "state": one.state(batch),
        "is_of_this_digest": one.digest == batch.digest,
    }


def asked_answer(batch: Batch, one: ApprovalRequest) -> dict[str, Any]:
    """A request that was made or ended, and its batch."""
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "approval_request": request_item(one, batch),
    }
