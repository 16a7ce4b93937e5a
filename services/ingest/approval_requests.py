"""People ask for the approval of a batch, withdraw that, and approvers send it back.

Nothing needs to be asked for: an approver can approve a ready batch at any time. A request tells
the approvers what it is about, locks the batch meanwhile, and tells who asked what is wrong.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.ingest.domain.approval_request import (
    ApprovalRequest,
    Outcome,
    check_ask,
    check_end,
    request_id,
)
from services.ingest.domain.batch import Batch
from services.ingest.store import approval_requests, batches, first_approvals, published_events

Asked = tuple[Batch, ApprovalRequest]


def ask(engine: Engine, batch_id: UUID, digest: str, note: str, person: str) -> Asked:
    """Ask for the approval of a ready batch. Who asks cannot approve it.

    The same request again by the same person changes nothing.

    Raises:
        RequestError: the batch is not ready or not what was seen, or somebody asked already.
    """
    now = datetime.now(UTC)
    with engine.begin() as connection:
        batch = batches.get_batch(connection, batch_id, lock=True)
        made = approval_requests.list_requests(connection, batch_id)
        if made and made[-1].state(batch) == "open":
            last = made[-1]
            if (last.asked_by, last.digest, last.note) == (person, digest, note):
                return batch, last
        check_ask(batch, digest, made)
        asked = ApprovalRequest(
            request_id(batch_id, len(made)), batch_id, digest, note, person, now
        )
        approval_requests.insert_request(connection, asked, len(made))
        return published_events.publish_batch(connection, batch_id, now), asked


def send_back(engine: Engine, batch_id: UUID, wanted: UUID, person: str, reason: str) -> Asked:
    """Send a batch back to who prepares it; nothing of it is paid, and it can be changed again.

    The same person again gets the same answer.

    Raises:
        RequestError: there is no such request, or it is over.
    """
    with engine.begin() as connection:
        return _end(connection, batch_id, wanted, "sent_back", person, reason)


def withdraw(engine: Engine, batch_id: UUID, wanted: UUID, person: str) -> Asked:
    """Withdraw a request, so that the batch can be changed again.

    The same person again gets the same answer.

    Raises:
        RequestError: there is no such request, or it is over.
    """
    with engine.begin() as connection:
        return _end(connection, batch_id, wanted, "withdrawn", person, "")


def _end(
    connection: Connection,
    batch_id: UUID,
    wanted: UUID,
    outcome: Outcome,
    person: str,
    reason: str,
) -> Asked:
    now = datetime.now(UTC)
    batch = batches.get_batch(connection, batch_id, lock=True)
    made = {one.request_id: one for one in approval_requests.list_requests(connection, batch_id)}
    found = made.get(wanted)
    if found is not None and (found.outcome, found.ended_by) == (outcome, person):
        return batch, found
    check_end(batch, found, outcome)
    approval_requests.end_request(connection, wanted, outcome, person, now, reason)
    if outcome == "sent_back":
        first_approvals.void(connection, batch_id)
    batch = published_events.publish_batch(connection, batch_id, now)
    ended = approval_requests.find_newest(connection, batch_id)
    assert ended is not None
    return batch, ended
