"""Requests for the approval of a batch: who asked whom to look at what, and the answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.schemas.models import STORABLE_TEXT, RequestModel, ResponseModel


class AskApproval(RequestModel):
    """Ask for the approval of exactly what was shown (`digest`)."""

    digest: str = Field(max_length=100, pattern=STORABLE_TEXT)
    note: str = Field(
        default="", max_length=500, pattern=STORABLE_TEXT, description="for the approvers"
    )


class ApprovalRequest(ResponseModel):
    """A request for the approval of a batch. While it is open nobody changes the batch.

    `state` is `over` if the batch ended without an answer. `end_reason` is that of an approver who
    sent the batch back. `is_of_this_digest` is false if the batch has changed since, for example
    because a hold was set.
    """

    request_id: UUID
    state: Literal["open", "approved", "sent_back", "withdrawn", "over"]
    digest: str
    is_of_this_digest: bool
    note: str
    asked_by: str
    asked_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    end_reason: str
