"""A person asks for the approval of a batch; until it ends, nobody changes what was asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from services.ingest.domain.batch import Batch, status_words
from services.ingest.domain.errors import RequestError

Outcome = Literal["", "sent_back", "withdrawn"]
State = Literal["open", "approved", "sent_back", "withdrawn", "over"]
#: So many requests of one batch fit into a message about it.
REQUESTS_MAX: Final = 20
OPEN_BATCHES: Final = ("checking", "ready")


@dataclass(frozen=True)
class ApprovalRequest:
    """A request to approve a batch as it was then (`digest`), and how it ended.

    `outcome` is empty while it is open; the approval or the end of the batch answers it too, and
    changes nothing here. `end_reason` is that of an approver who sent it back.
    """

    request_id: UUID
    batch_id: UUID
    digest: str
    note: str
    asked_by: str
    asked_at: datetime
    outcome: Outcome = ""
    ended_by: str | None = None
    ended_at: datetime | None = None
    end_reason: str = ""

    def state(self, batch: Batch) -> State:
        """What became of it, seen with its batch."""
        if self.outcome:
            return self.outcome
        if batch.status in OPEN_BATCHES:
            return "open"
        return "approved" if batch.approved_by is not None else "over"


def request_id(batch_id: UUID, number: int) -> UUID:
    """The id of the request that is made after so many others of its batch."""
    return uuid5(batch_id, f"approval-request-{number}")


def check_ask(batch: Batch, digest: str, made: Sequence[ApprovalRequest]) -> None:
    """Raise RequestError unless somebody can ask for the approval of the batch as it was seen.

    Args:
        made: the requests of the batch so far.
    """
    if batch.status != "ready":
        raise RequestError(
            "conflict",
            "approval-request.not-ready",
            f"The batch is {status_words(batch.status)}; approval is asked for of a ready batch "
            "only. Nothing was changed.",
            "Wait until it is ready."
            if batch.status in ("receiving", "reading", "checking")
            else "Look at the batch again.",
            batch_status=batch.status,
        )
    if batch.digest != digest:
        raise RequestError(
            "conflict",
            "approval-request.stale",
            "The batch has changed since you looked at it. Nobody was asked.",
            "Look at it again, and ask for what it is now.",
        )
    if made and not made[-1].outcome:
        raise RequestError(
            "conflict",
            "approval-request.open",
            f"{made[-1].asked_by} has asked for the approval of this batch already.",
            "Wait for the answer, or withdraw that request first.",
        )
    if len(made) >= REQUESTS_MAX:
        raise RequestError(
            "conflict",
            "approval-request.too-many",
            f"Approval of this batch was asked for {REQUESTS_MAX} times. Nobody was asked.",
            "Talk to an approver, or upload a corrected roster.",
        )


def check_end(batch: Batch, found: ApprovalRequest | None, ending: Outcome) -> None:
    """Raise RequestError unless a request of the batch can be sent back or withdrawn.

    Args:
        found: the request that was named; None if the batch has no such request.
    """
    if found is None:
        raise RequestError(
            "not_found",
            "approval-request.unknown",
            "There is no such request about this batch.",
            "Look at the batch again.",
        )
    state = found.state(batch)
    if state != "open":
        act = "sent back" if ending == "sent_back" else "withdrawn"
        what = {
            "approved": f"{batch.approved_by} has approved the batch",
            "sent_back": f"{found.ended_by} has sent it back",
            "withdrawn": f"{found.ended_by} has withdrawn it",
        }.get(state, f"the batch is {status_words(batch.status)}")
        raise RequestError(
            "conflict",
            "approval-request.over",
            f"This request cannot be {act} any more: {what}. Nothing was changed.",
            "Look at the batch again. An approved batch is paused or cancelled instead."
            if state == "approved"
            else "Look at the batch again.",
            batch_status=batch.status,
        )


def check_unlocked(newest: ApprovalRequest | None) -> None:
    """Raise RequestError while somebody is asked to approve the batch.

    What the approver looks at then stays what it is. Call it once the batch is known to be open,
    and locked by its row lock.

    Args:
        newest: the newest request of the batch; None if nobody asked.
    """
    if newest is not None and not newest.outcome:
        raise RequestError(
            "conflict",
            "approval-request.locked",
            f"{newest.asked_by} has asked for the approval of this batch. Until it is sent back or "
            "the request is withdrawn, nobody changes it. Nothing was changed.",
            "Withdraw the request, or ask an approver to send it back.",
            asked_by=newest.asked_by,
        )
