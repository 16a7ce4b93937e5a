"""The gateway's signature of an approval, as evidence of who approved which digest.

The gateway signs the call that approves a batch, and puts the digest that the person approved into
its query; if rows are included, also the digest with them. Ingest keeps the signature beside the
approval and publishes it. The dispatcher verifies it before it pays: who has ingest's key but not
the gateway's cannot approve.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from starlette.requests import Request

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.web.call_signatures import GOOD_FOR_S, CallContents, CallRefused, CallVerifier
from libs.common.web.internal_auth import ACTOR, COUNTS_AS, ROLES
from libs.common.web.signed_calls import SIGNATURE

SERVICE: Final = "ingest"
APPROVER: Final = "approver"


class ApprovalNotProved(Exception):
    """The gateway's signature does not show that this was approved. The message says why."""


@dataclass(frozen=True)
class ClaimedApproval:
    """An approval as ingest publishes it.

    `seen_digest`: what the approver saw, if including rows changed the digest. `barred`: who must
    not approve the batch. `start_at`: when it may begin to be paid; None: at once. `is_older`: it
    may be of a version whose calls did not name the digest with the included rows.
    """

    batch_id: UUID
    digest: str
    seen_digest: str | None
    approved_by: str
    approved_at: datetime
    barred: Collection[str] = ()
    start_at: datetime | None = None
    is_older: bool = False


@dataclass(frozen=True)
class SignedApproval:
    """What the target of a call names.

    `start`: as it stands there; empty: at once. `approved`: the digest with the included rows;
    empty: none are included.
    """

    path: str
    digest: str
    included: int
    start: str
    approved: str


def approval_path(batch_id: object) -> str:
    """The path of the call to ingest that approves a batch."""
    return f"/batches/{batch_id}/approve"


def included_digest_path(batch_id: object) -> str:
    """The path of the call to ingest that asks for a batch's digest with included rows."""
    return f"/batches/{batch_id}/included-digest"


def approval_params(
    digest: str, included: int, start_at: datetime | None = None, approved: str = ""
) -> dict[str, str | int]:
    """The query of that call: the digest that was seen, and how many rows are included.

    Args:
        start_at: when the batch may begin to be paid; None, which the query leaves out: at once.
        approved: the digest with the included rows; empty, which the query leaves out: none are.
    """
    start = {} if start_at is None else {"start_at": start_text(start_at)}
    with_rows = {"approved": approved} if approved else {}
    return {"digest": digest, "include": included, **start, **with_rows}


def start_text(start_at: datetime | None) -> str:
    """A start as it is signed: one moment has one text. Empty: at once."""
    return "" if start_at is None else start_at.astimezone(UTC).isoformat()


def read_assertion(request: Request) -> ApprovalAssertion | None:
    """The assertion of a call that `SignedCallsOnly` has verified; None if it is not signed."""
    signature = request.headers.get(SIGNATURE, "")
    if not signature:
        return None
    raw_path, query = request.scope["raw_path"], request.scope["query_string"]
    return ApprovalAssertion(
        target=(raw_path + (b"?" + query if query else b"")).decode("ascii"),
        person=request.headers.get(ACTOR, ""),
        roles=request.headers.get(ROLES, ""),
        counts_as=request.headers.get(COUNTS_AS, ""),
        signature=signature,
    )


def names(
    assertion: ApprovalAssertion,
    batch_id: UUID,
    digest: str,
    included: int,
    start_at: datetime | None = None,
    approved: str = "",
) -> bool:
    """Whether the target of a call names exactly this batch, digest, number of rows and start.

    Args:
        approved: the digest with the included rows, which it must name if there are any.
    """
    wanted = SignedApproval(
        approval_path(batch_id), digest, included, start_text(start_at), approved
    )
    return bool(included) == bool(approved) and _approved(assertion) == wanted


def verify_approval(
    verifier: CallVerifier, assertion: ApprovalAssertion | None, claimed: ClaimedApproval
) -> None:
    """Verify that a person other than those who are barred approved exactly this digest.

    Raises:
        ApprovalNotProved: the gateway's signature does not show it.
    """
    if assertion is None:
        raise ApprovalNotProved("the approval carries no signature of the gateway")
    contents = CallContents(
        SERVICE,
        "POST",
        assertion.target.encode(),
        (assertion.person.encode(), assertion.roles.encode(), assertion.counts_as.encode()),
    )
    try:
        call = verifier.verify_evidence(contents, assertion.signature)
    except CallRefused as reason:
        raise ApprovalNotProved(f"the approval is not signed by the gateway: {reason}") from None
    _check_target(assertion, claimed)
    _check_person(assertion, claimed)
    if abs(claimed.approved_at.timestamp() - call.at_s) >= 2 * GOOD_FOR_S:
        raise ApprovalNotProved("the signature is of another time than the approval")


def _approved(assertion: ApprovalAssertion) -> SignedApproval | None:
    """What the target of the call names; None if it is another call."""
    target = urlsplit(assertion.target)
    query = parse_qs(target.query, keep_blank_values=True)
    digests, included = query.get("digest", []), query.get("include", [])
    starts, approved = query.get("start_at", [""]), query.get("approved", [""])
    if set(query) - {"start_at", "approved"} != {"digest", "include"}:
        return None
    if any(len(found) != 1 for found in (digests, included, starts, approved)):
        return None
    if not (included[0].isascii() and included[0].isdecimal()):
        return None
    return SignedApproval(target.path, digests[0], int(included[0]), starts[0], approved[0])


def _check_target(assertion: ApprovalAssertion, claimed: ClaimedApproval) -> None:
    found = _approved(assertion)
    if found is None or found.path != approval_path(claimed.batch_id):
        raise ApprovalNotProved("the signature is not of the approval of this batch")
    seen = claimed.seen_digest if found.included else claimed.digest
    if found.digest != seen or (not found.included and claimed.seen_digest is not None):
        raise ApprovalNotProved("the signature is of another digest")
    approved = claimed.digest if found.included else ""
    if found.approved != approved and not (claimed.is_older and not found.approved):
        raise ApprovalNotProved("the signature is of other included rows")
    if found.start != start_text(claimed.start_at):
        raise ApprovalNotProved("the signature is of another start")


def _check_person(assertion: ApprovalAssertion, claimed: ClaimedApproval) -> None:
    if not assertion.person or assertion.person != claimed.approved_by:
        raise ApprovalNotProved("the signature is of another person")
    if APPROVER not in assertion.roles.split(","):
        raise ApprovalNotProved("the person was no approver")
    people = {assertion.person, *map(unquote, filter(None, assertion.counts_as.split(",")))}
    if people.intersection(claimed.barred):
        raise ApprovalNotProved("the person had a hand in the batch")
