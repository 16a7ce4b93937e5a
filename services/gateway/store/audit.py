"""The table `audit`: the log of unsafe calls and of personal reads.

It only grows, and its lines are chained by hashes.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from libs.common.database.engine import run
from services.gateway.domain.audit_chain import (
    FIRST_PREVIOUS_HASH,
    AuditEntry,
    ChainedEntry,
    first_broken,
    line_hash,
)

CHAIN_LOCK = 7_030_110  # PostgreSQL advisory lock: one writer of the chain at a time
PAGE_MAX = 1_000
READ_BATCH = 1_000

_MATCHES = """(
            CAST(:pattern AS text) IS NULL
            OR person ILIKE :pattern
            OR path ILIKE :pattern
            OR subject ILIKE :pattern)"""


def append_line(connection: Connection, entry: AuditEntry) -> None:
    """Add a line at the end of the log. A second call adds a second line.

    Writers wait for each other until they commit, so the chain has one order.
    """
    run(connection, "SELECT pg_advisory_xact_lock(:lock)", lock=CHAIN_LOCK)
    last = run(
        connection,
        """
        SELECT seq, hash
        FROM audit
        ORDER BY seq DESC
        LIMIT 1""",
    ).first()
    last_seq, previous_hash = (last.seq, last.hash) if last else (0, FIRST_PREVIOUS_HASH)
    seq = last_seq + 1
    run(
        connection,
        """
        INSERT INTO audit (
            seq, at, kind, request_id,
            person, roles, via, address,
            method, path, status, subject,
            previous_hash, hash)
        VALUES (
            :seq, :at, :kind, :request_id,
            :person, CAST(:roles AS text[]), :via, :address,
            :method, :path, :status, :subject,
            :previous_hash, :hash)""",
        seq=seq,
        at=datetime.fromisoformat(entry.at),
        kind=entry.kind,
        request_id=entry.request_id,
        person=entry.person,
        roles=list(entry.roles),
        via=entry.via,
        address=entry.address,
        method=entry.method,
        path=entry.path,
        status=entry.status,
        subject=entry.subject,
        previous_hash=previous_hash,
        hash=line_hash(previous_hash, seq, entry),
    )


def list_lines(
    connection: Connection, limit: int, before_seq: int | None, search: str | None
) -> tuple[list[dict[str, Any]], int]:
    """Lines with a number below `before_seq`, newest first, and how many match in all.

    Args:
        search: only lines with this text in person, path or subject.
    """
    pattern = None if search is None else f"%{search}%"
    rows = run(
        connection,
        f"""
        SELECT seq, at, kind, request_id,
               person, roles,
               method, path, status, subject,
               via, address, hash
        FROM audit
        WHERE (CAST(:before_seq AS bigint) IS NULL OR seq < :before_seq)
          AND {_MATCHES}
        ORDER BY seq DESC
        LIMIT :limit""",  # noqa: S608 - constant text
        before_seq=before_seq,
        pattern=pattern,
        limit=min(limit, PAGE_MAX),
    )
    items = [dict(row) for row in rows.mappings()]
    total = run(
        connection,
        f"""
        SELECT count(*)
        FROM audit
        WHERE {_MATCHES}""",  # noqa: S608 - constant text
        pattern=pattern,
    ).scalar_one()
    return items, int(total)


def first_broken_line(connection: Connection) -> int | None:
    """The number of the first line that is not as it was written; None if the chain is intact."""
    return first_broken(read_chain(connection))


def read_chain(connection: Connection) -> Iterator[ChainedEntry]:
    """Every line of the log, oldest first."""
    statement = text(
        """
        SELECT seq, at, kind, request_id,
               person, roles,
               method, path, status, subject,
               via, address, previous_hash, hash
        FROM audit
        ORDER BY seq"""
    )
    streamed = connection.execution_options(stream_results=True, yield_per=READ_BATCH)
    for row in streamed.execute(statement):
        entry = AuditEntry(
            at=row.at.isoformat(),
            kind=row.kind,
            request_id=row.request_id,
            person=row.person,
            roles=tuple(row.roles),
            method=row.method,
            path=row.path,
            status=row.status,
            subject=row.subject,
            via=row.via,
            address=row.address,
        )
        yield ChainedEntry(row.seq, entry, row.previous_hash, row.hash)
