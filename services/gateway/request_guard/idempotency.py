"""Idempotency keys: a repeated unsafe call with the same key gets the answer of the first one."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request, Response

from libs.common.web.problem_details import Problem
from services.gateway.auth.people import Person
from services.gateway.request_guard.audit_trail import sent_path
from services.gateway.request_guard.responses import SecretResponse
from services.gateway.store.idempotency_keys import ClaimResult, IdempotencyKey, StoredAnswer

UPLOAD_PATHS = ("/batches", "/batches/{batch_id}/mended-rows")  # files: never read here
KEY_MAX = 255  # characters
LEASE_S, UPLOAD_LEASE_S = 60, 900
DRAIN_MAX_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Claim:
    """The claim that one request makes on an idempotency key."""

    key: IdempotencyKey
    claim_id: uuid.UUID
    fingerprint: str
    lease_s: int
    is_upload: bool = False


async def read_claim(request: Request, person: Person, template: str) -> Claim | None:
    """The claim that a request makes; None if it has no Idempotency-Key.

    Args:
        template: the route's path without its prefix, such as `/batches/{batch_id}/approve`.

    Raises:
        Problem: 400, the key is empty, too long or not printable.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= KEY_MAX or not key.isprintable():
        raise Problem(
            400,
            "idempotency.key",
            f"An Idempotency-Key has 1 to {KEY_MAX} printable characters.",
            "Use a random UUID.",
        )
    is_upload = template in UPLOAD_PATHS
    return Claim(
        key=IdempotencyKey(person.id, request.method, sent_path(request), key),
        claim_id=uuid.uuid4(),
        fingerprint=await _fingerprint(request, is_upload=is_upload),
        lease_s=UPLOAD_LEASE_S if is_upload else LEASE_S,
        is_upload=is_upload,
    )


def check_claim(result: ClaimResult) -> None:
    """Refuse a key that another request uses.

    Raises:
        Problem: 422, it was used for other contents; 409, its first request is not answered yet.
    """
    if result.other_request:
        raise Problem(
            422,
            "idempotency.reused",
            "This Idempotency-Key was used for another request.",
            "Use a new key for a new request.",
        )
    if result.in_progress:
        raise Problem(
            409,
            "idempotency.in-progress",
            "The first request with this Idempotency-Key is not answered yet.",
            "Wait for its answer, or send the same request again later.",
        )


def replayed_response(answer: StoredAnswer) -> Response:
    """The stored answer of a key, marked as such."""
    return Response(
        answer.body,
        answer.status,
        media_type=answer.media_type,
        headers={"Idempotent-Replayed": "true"},
    )


def storable_answer(response: Response, claim: Claim) -> StoredAnswer | None:
    """The answer to store for a key; None if the request may be carried out again with it.

    That is so after a 5xx, and after an upload that was refused: it took nothing, and the reason
    may have been a connection that was cut.
    """
    if response.status_code >= (400 if claim.is_upload else 500):
        return None
    body = response.stored_body if isinstance(response, SecretResponse) else response.body
    return StoredAnswer(response.status_code, response.headers.get("content-type", ""), bytes(body))


async def hash_body(request: Request, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of an uploaded body; when it has ended, the request knows its SHA-256."""
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    request.state.body_sha256 = digest.hexdigest()


def body_sha256_of(request: Request) -> str:
    """The SHA-256 of an uploaded body; empty if it was not read to its end."""
    found: str = getattr(request.state, "body_sha256", "")
    return found


async def check_same_body(request: Request, sha256: str) -> None:
    """Refuse an upload whose key has brought another file.

    Raises:
        Problem: 422, and the answer of the other file is not given.
    """
    digest = hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise Problem(
            422,
            "idempotency.reused",
            "This Idempotency-Key was used for another file. This file was not stored.",
            "Upload it with a new key.",
        )


async def drain_body(request: Request) -> None:
    """Read a body to its end and forget it.

    A client that closes its connection after sending would lose an answer that comes earlier.
    """
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > DRAIN_MAX_BYTES:
            return


async def _fingerprint(request: Request, *, is_upload: bool) -> str:
    """A hash of the request's contents.

    Of an upload it covers only the query: the body is a stream that cannot be read twice. Its
    SHA-256 is kept with the answer (`hash_body`), and compared when the key comes again.
    """
    body = b"" if is_upload else await request.body()
    return hashlib.sha256(request.url.query.encode() + b"\n" + body).hexdigest()
