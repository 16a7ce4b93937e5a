"""All SQL of the gateway: the audit log and the idempotency keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from libs.common.database.engine import run
from services.gateway.domain.audit_chain import (
    FIRST_PREVIOUS_HASH,
    AuditEntry,
    ChainedEntry,
    first_broken,
    line_hash,
)

AUDIT_LOCK = 7_030_110
KEYS_KEPT = "7 days"
READ_MAX = 1_000


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Add lines to the audit log in this order. Writers wait for each other, so that the chain has one order."""
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=AUDIT_LOCK)
    last = run(connection, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").first()
    seq, previous = (last.seq, last.hash) if last else (0, FIRST_PREVIOUS_HASH)
    for entry in entries:
        seq += 1
        own = line_hash(previous, seq, entry)
        run(
            connection,
            """
            INSERT INTO audit (seq, at, kind, request_id, person, roles, method, path, status, subject, via, previous_hash, hash)
            VALUES (:seq, :at, :kind, :request_id, :person, CAST(:roles AS text[]), :method, :path, :status, :subject, :via, :previous, :hash)""",
            seq=seq,
            at=datetime.fromisoformat(entry.at),
            kind=entry.kind,
            request_id=entry.request_id,
            person=entry.person,
            roles=list(entry.roles),
            method=entry.method,
            path=entry.path,
            status=entry.status,
            subject=entry.subject,
            via=entry.via,
            previous=previous,
            hash=own,
        )
        previous = own


def page(
    connection: Connection, limit: int, before: int | None, q: str | None
) -> tuple[list[dict[str, Any]], int]:
    """Audit lines, newest first, older than `before`, with `q` in person, path or subject; and how many there are in all."""
    wanted = "(CAST(:q AS text) IS NULL OR person ILIKE :q OR path ILIKE :q OR subject ILIKE :q)"
    like = None if q is None else f"%{q}%"
    rows = (
        run(
            connection,
            f"""
        SELECT seq, at, kind, request_id, person, roles, method, path, status, subject, via, hash FROM audit
        WHERE (CAST(:before AS bigint) IS NULL OR seq < :before) AND {wanted} ORDER BY seq DESC LIMIT :limit""",  # noqa: S608 - our own text
            before=before,
            q=like,
            limit=min(limit, READ_MAX),
        )
        .mappings()
        .all()
    )
    total = run(connection, f"SELECT count(*) FROM audit WHERE {wanted}", q=like).scalar()  # noqa: S608 - our own text
    return [dict(row) for row in rows], int(total)


def first_broken_line(connection: Connection) -> int | None:
    """The number of the first audit line that is not as it was written; None if the whole chain holds."""
    return first_broken(_lines(connection))


def _lines(connection: Connection) -> Iterator[ChainedEntry]:
    sql = text(
        "SELECT seq, at, kind, request_id, person, roles, method, path, status, subject, via, previous_hash, hash FROM audit "
        "ORDER BY seq"
    )
    for row in connection.execution_options(stream_results=True, yield_per=READ_MAX).execute(sql):
        entry = AuditEntry(
            row.at.isoformat(),
            row.kind,
            row.request_id,
            row.person,
            tuple(row.roles),
            row.method,
            row.path,
            row.status,
            row.subject,
            row.via,
        )
        yield ChainedEntry(row.seq, entry, row.previous_hash, row.hash)


@dataclass(frozen=True)
class Key:
    """An idempotency key as its owner used it; the same key of another person, route or object is another key."""

    person: str
    method: str
    path: str
    key: str


@dataclass(frozen=True)
class Answer:
    """A stored answer."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Claimed:
    """What is known of a key. All None: it is ours now, answer the request."""

    answer: Answer | None = None
    in_progress: bool = False
    other_request: bool = False


def claim(
    connection: Connection, key: Key, fingerprint: str, claim_id: UUID, lease_s: int
) -> Claimed:
    """Take a key for a request, or say what became of it before.

    Args:
        fingerprint: of the request's contents; the same key with another one is a mistake of the caller.
        lease_s: seconds after which a claim without an answer belongs to a process that has died.
    """
    run(
        connection,
        "DELETE FROM idempotency WHERE claimed_at < now() - CAST(:kept AS interval)",
        kept=KEYS_KEPT,
    )
    ours = run(
        connection,
        """
        INSERT INTO idempotency AS i (person, method, path, key, fingerprint, claim) VALUES (:person, :method, :path, :key, :fingerprint, :claim)
        ON CONFLICT (person, method, path, key) DO UPDATE SET claim = excluded.claim, claimed_at = now()
            WHERE i.status IS NULL AND i.fingerprint = excluded.fingerprint AND i.claimed_at < now() - make_interval(secs => :lease_s)
        RETURNING 1""",
        person=key.person,
        method=key.method,
        path=key.path,
        key=key.key,
        fingerprint=fingerprint,
        claim=str(claim_id),
        lease_s=lease_s,
    ).first()
    if ours:
        return Claimed()
    row = run(
        connection,
        """
        SELECT fingerprint, status, media_type, body FROM idempotency
        WHERE person = :person AND method = :method AND path = :path AND key = :key""",
        person=key.person,
        method=key.method,
        path=key.path,
        key=key.key,
    ).first()
    if row is None or (row.fingerprint == fingerprint and row.status is None):
        return Claimed(in_progress=True)  # no row: its owner has given it up this moment
    if row.fingerprint != fingerprint:
        return Claimed(other_request=True)
    return Claimed(Answer(row.status, row.media_type, bytes(row.body)))


def settle(connection: Connection, key: Key, claim_id: UUID, answer: Answer | None) -> None:
    """Store the answer of a claimed key, or give the key up (None); nothing happens if another has taken it over since."""
    values = {
        "person": key.person,
        "method": key.method,
        "path": key.path,
        "key": key.key,
        "claim": str(claim_id),
    }
    mine = "person = :person AND method = :method AND path = :path AND key = :key AND claim = CAST(:claim AS uuid) AND status IS NULL"
    if answer is None:
        run(connection, f"DELETE FROM idempotency WHERE {mine}", **values)  # noqa: S608 - our own text
    else:
        run(
            connection,
            f"UPDATE idempotency SET status = :status, media_type = :media_type, body = :body WHERE {mine}",  # noqa: S608 - our own text
            status=answer.status,
            media_type=answer.media_type,
            body=answer.body,
            **values,
        )
