"""The table `idempotency`: the idempotency keys of unsafe calls, with the answers they got."""

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run

RETENTION = "7 days"

_UPLOADED = "/"
_SAME_KEY = "person = :person AND method = :method AND path = :path AND key = :key"
_OWN_CLAIM = f"{_SAME_KEY} AND claim = CAST(:claim AS uuid) AND status IS NULL"


@dataclass(frozen=True)
class IdempotencyKey:
    """A key as its owner used it. The same text of another person or route is another key."""

    person: str
    method: str
    path: str
    key: str


@dataclass(frozen=True)
class StoredAnswer:
    """The answer that a key got."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class ClaimResult:
    """What happened with a key before. With no field set the key is ours: answer the request.

    `body_sha256` is of the upload that got the answer; empty if it is not known.
    """

    body_sha256: str = ""
    answer: StoredAnswer | None = None
    in_progress: bool = False
    other_request: bool = False


def claim_key(
    connection: Connection, key: IdempotencyKey, fingerprint: str, claim_id: UUID, lease_s: int
) -> ClaimResult:
    """Claim a key for a request, or report what became of it before.

    A second call with the same fingerprint is in progress until the first is answered, and then
    gets its answer. Keys older than RETENTION are removed.

    Args:
        fingerprint: of the request's contents. The same key with another fingerprint is a mistake
            of the caller.
        claim_id: of this call; it owns the key until its answer is stored.
        lease_s: a claim without an answer is taken over after so many seconds, because its
            process must have died.
    """
    _delete_old_keys(connection)
    claimed = run(
        connection,
        """
        INSERT INTO idempotency AS existing (person, method, path, key, fingerprint, claim)
        VALUES (:person, :method, :path, :key, :fingerprint, :claim)
        ON CONFLICT (person, method, path, key) DO UPDATE
        SET claim = excluded.claim, claimed_at = now()
        WHERE existing.status IS NULL
          AND existing.fingerprint = excluded.fingerprint
          AND existing.claimed_at < now() - make_interval(secs => :lease_s)
        RETURNING 1""",
        **asdict(key),
        fingerprint=fingerprint,
        claim=str(claim_id),
        lease_s=lease_s,
    ).first()
    return ClaimResult() if claimed else _find_result(connection, key, fingerprint)


def store_answer(
    connection: Connection,
    key: IdempotencyKey,
    claim_id: UUID,
    answer: StoredAnswer,
    body_sha256: str = "",
) -> None:
    """Store the answer of a claimed key. Nothing happens if another call has taken it over.

    Args:
        body_sha256: of an uploaded file, which was not known when the key was claimed. It is kept
            behind the fingerprint.
    """
    run(
        connection,
        f"""
        UPDATE idempotency
        SET status = :status, media_type = :media_type, body = :body,
            fingerprint = fingerprint || :uploaded
        WHERE {_OWN_CLAIM}""",  # noqa: S608 - constant text
        **asdict(key),
        **asdict(answer),
        claim=str(claim_id),
        uploaded=f"{_UPLOADED}{body_sha256}" if body_sha256 else "",
    )


def release_key(connection: Connection, key: IdempotencyKey, claim_id: UUID) -> None:
    """Give a claimed key up, so that the request can be repeated. A second call does nothing."""
    run(
        connection,
        f"""
        DELETE FROM idempotency
        WHERE {_OWN_CLAIM}""",  # noqa: S608 - constant text
        **asdict(key),
        claim=str(claim_id),
    )


def _delete_old_keys(connection: Connection) -> None:
    run(
        connection,
        """
        DELETE FROM idempotency
        WHERE claimed_at < now() - CAST(:retention AS interval)""",
        retention=RETENTION,
    )


def _find_result(connection: Connection, key: IdempotencyKey, fingerprint: str) -> ClaimResult:
    row = run(
        connection,
        f"""
        SELECT fingerprint, status, media_type, body
        FROM idempotency
        WHERE {_SAME_KEY}""",  # noqa: S608 - constant text
        **asdict(key),
    ).first()
    if row is None:
        return ClaimResult(in_progress=True)  # its owner has released it just now
    stored, _, body_sha256 = row.fingerprint.partition(_UPLOADED)
    if stored != fingerprint:
        return ClaimResult(other_request=True)
    if row.status is None:
        return ClaimResult(in_progress=True)
    answer = StoredAnswer(row.status, row.media_type, bytes(row.body))
    return ClaimResult(answer=answer, body_sha256=body_sha256)
